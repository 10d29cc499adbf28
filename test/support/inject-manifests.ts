/** Manifests for inject, as operators write them, by their special feature. */

const POD = `      containers:
        - name: app
          image: example.com/app:1
          ports:
            - containerPort: 8000
`;

const HEAD = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: app
spec:
  selector:
    matchLabels: { app: app }
  template:
    metadata:
      labels: { app: app }
    spec:
`;

const SERVICE = `apiVersion: v1
kind: Service
metadata:
  name: app
spec:
  selector: { app: app }
  ports:
    - port: 80
      targetPort: 8000
`;

const PLAIN = `${HEAD}${POD}---
${SERVICE}`;

/** A List in the format of `kubectl get -o json`. */
function toJson(indent: number | string | undefined): string {
  const metadata = { name: "app", labels: { app: "app" } };
  const deployment = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata,
    spec: {
      selector: { matchLabels: { app: "app" } },
      template: {
        metadata: { labels: { app: "app" } },
        spec: {
          containers: [{ name: "app", image: "app", ports: [{ containerPort: 8000 }] }],
        },
      },
    },
  };
  const service = {
    apiVersion: "v1",
    kind: "Service",
    metadata,
    spec: { selector: { app: "app" }, ports: [{ port: 80, targetPort: 8000 }] },
  };
  return JSON.stringify(
    { apiVersion: "v1", kind: "List", items: [deployment, service] },
    null,
    indent,
  );
}

/** The manifests by name. Each has one app on port 8000, which inject finds without flags. */
export const MANIFESTS: Readonly<Record<string, string>> = {
  plain: PLAIN,
  "CRLF line ends": PLAIN.replaceAll("\n", "\r\n"),
  "a byte order mark": `\ufeff${PLAIN}`,
  "a byte order mark, CRLF and --- first": `\ufeff---\n${PLAIN}`.replaceAll("\n", "\r\n"),
  "no line end at the end": PLAIN.trimEnd(),
  "no line end behind the pod": `${SERVICE}---\n${HEAD}${POD}`.trimEnd(),
  "--- first, ... last, empty documents": `---\n---\n# nothing\n---\n${PLAIN}---\n...\n`,
  "a %YAML directive": `%YAML 1.1\n---\n${PLAIN}`,
  "no Service": `${HEAD}${POD}`,
  "lists in their key's column": `apiVersion: apps/v1
kind: Deployment
metadata:
  name: app
  labels:
    app: app
spec:
  selector:
    matchLabels:
      app: app
  template:
    metadata:
      labels:
        app: app
    spec:
      initContainers:
      - name: migrate
        image: app
        command:
        - ./migrate
      containers:
      - name: app
        image: app
        ports:
        - name: http
          containerPort: 8000
      volumes:
      - name: data
        emptyDir: {}
---
apiVersion: v1
kind: Service
metadata:
  name: app
spec:
  selector:
    app: app
  ports:
  - name: http
    port: 80
    targetPort: http
`,
  "four spaces, lists far to the right": `apiVersion: apps/v1
kind: StatefulSet
metadata:
    name:   app
    annotations:
        note:   "aligned"
spec:
    serviceName: app
    selector:
        matchLabels:
            app: app
    template:
        metadata:
            labels:
                app: app
        spec:
            containers:
                    -   name: app
                        image: app
                        ports:
                            -   containerPort: 8000
                                name: web
`,
  "several containers": `${HEAD}      containers:
        - name: app
          image: app
          ports: [{ name: http, containerPort: 8000 }, { name: metrics, containerPort: 9100 }]
        - name: log-shipper
          image: fluent-bit
          volumeMounts: [{ name: logs, mountPath: /logs }]
        - name: exporter
          image: exporter
          ports: [{ name: prom, containerPort: 9102 }]
      volumes: [{ name: logs, emptyDir: {} }]
`,
  "named ports of other protocols": `${HEAD}      containers:
        - name: app
          image: app
          ports:
            - { name: http, containerPort: 8000, protocol: TCP }
            - { name: grpc, containerPort: 50051 }
            - { name: dns, containerPort: 53, protocol: UDP }
---
apiVersion: v1
kind: Service
metadata: { name: app }
spec:
  type: NodePort
  selector: { app: app }
  ports:
    - { name: http, port: 80, targetPort: http, nodePort: 30080 }
    - { name: grpc, port: 50051, targetPort: grpc }
    - { name: dns, port: 53, targetPort: dns, protocol: UDP }
`,
  "headgate's own ports taken": `${HEAD}      containers:
        - name: app
          image: app
          ports:
            - { name: http, containerPort: 8000 }
            - { name: admin, containerPort: 8080 }
            - { name: metrics, containerPort: 9090 }
`,
  hostNetwork: `${HEAD}      hostNetwork: true
      dnsPolicy: ClusterFirstWithHostNet
${POD}`,
  "init containers, one of them native": `${HEAD}      initContainers:
        - name: wait
          image: busybox
          command: ["sh", "-c", "until nslookup db; do sleep 1; done"] # the database
        # Logs.
        - name: logs
          image: fluent-bit
          restartPolicy: Always
          # resources: {}

${POD}`,
  "helm's output": `---
# Source: app/templates/serviceaccount.yaml
apiVersion: v1
kind: ServiceAccount
metadata:
  name: x-app
automountServiceAccountToken: true
---
# Source: app/templates/service.yaml
apiVersion: v1
kind: Service
metadata:
  name: x-app
  labels:
    helm.sh/chart: app-1.4.2
    app.kubernetes.io/name: app
spec:
  type: ClusterIP
  ports:
    - port: 80
      targetPort: http
      protocol: TCP
      name: http
  selector:
    app.kubernetes.io/name: app
---
# Source: app/templates/deployment.yaml
apiVersion: apps/v1
kind: Deployment
metadata:
  name: x-app
  labels:
    helm.sh/chart: app-1.4.2
  annotations:
spec:
  replicas: 1
  selector:
    matchLabels:
      app.kubernetes.io/name: app
  template:
    metadata:
      labels:
        app.kubernetes.io/name: app
    spec:
      serviceAccountName: x-app
      securityContext:
        {}
      containers:
        - name: app
          securityContext:
            {}
          image: "nginx:1.16.0"
          imagePullPolicy: IfNotPresent
          ports:
            - name: http
              containerPort: 8000
              protocol: TCP
          livenessProbe:
            httpGet:
              path: /
              port: http
          resources:
            {}
---
# Source: app/templates/tests/test-connection.yaml
apiVersion: v1
kind: Pod
metadata:
  name: "x-app-test-connection"
  annotations:
    "helm.sh/hook": test
spec:
  containers:
    - name: wget
      image: busybox
      command: ['wget']
      args: ['x-app:80']
  restartPolicy: Never
`,
  "anchors, aliases and merge keys elsewhere": `apiVersion: apps/v1
kind: Deployment
metadata:
  name: &name app
  labels: &labels
    app: *name
spec:
  selector:
    matchLabels: *labels
  template:
    metadata:
      labels:
        <<: *labels
        tier: web
    spec:
      containers:
        - &app
          name: app
          image: app
          env: &env
            - { name: A, value: "1" }
          ports: [{ containerPort: &port 8000 }]
        - <<: *app
          name: worker
          env: *env
          ports: []
---
apiVersion: v1
kind: Service
metadata: { name: app }
spec:
  selector: { app: app }
  ports:
    - port: &service 8000
      targetPort: *service
`,
  "comments in odd places": `# The app.

apiVersion: apps/v1   # the group
kind: Deployment
metadata: # of the Deployment
  # first
  name: app
  # last
spec:
  # selects
  selector: { matchLabels: { app: app } }   # in one line
  template:
    metadata: { labels: { app: app } }
    spec:	# a tab before this comment
      # Above the containers.
      # On two lines.

      # And right above them.
      containers: # here they are
        # Above the app.
        - name: app # behind the name
          image: app
          ports: # of the app
            - containerPort: 8000 # the port
            #- containerPort: 9000
          # commented out:
          #   resources: {}

  # Behind the pod.
# Behind all.
---
# Before the Service.
${SERVICE}# Behind the Service.
`,
  "tabs and trailing blanks": `${HEAD}      containers:
        - name: app\t# tab
          image: app   
          ports:\t
            - containerPort: 8000   
      
---
${SERVICE}`,
  "block texts": `${HEAD}      containers:
        - name: app
          image: app
          ports: [{ containerPort: 8000 }]
          command:
            - sh
            - -c
          args:
            - |
              # not a comment
              exec app

            - >-
              folded
              text
            - |+
              kept

      terminationGracePeriodSeconds: 60
`,
  "a kept block text at the end": `${HEAD}      containers:
        - name: app
          ports: [{ containerPort: 8000 }]
          image: app
          args:
            - |+
              kept


`,
  "a block text at the end without a line end": `${HEAD}      containers:
        - name: app
          ports: [{ containerPort: 8000 }]
          image: app
          args:
            - |
              exec app`,
  "quoted keys": `"apiVersion": 'apps/v1'
"kind": "Deployment"
"metadata":
  "name": "app"
  'annotations': { "a": "b" }
"spec":
  "selector": { "matchLabels": { "app": "app" } }
  "template":
    "metadata": { "labels": { "app": "app" } }
    "spec":
      "containers":
        - "name": "app"
          "image": "app"
          "ports": [{ "containerPort": 8000 }]
`,
  "flow style": `{ apiVersion: apps/v1, kind: Deployment, metadata: { name: app }, spec: { selector: { matchLabels: { app: app } },
  template: { metadata: { labels: { app: app } }, spec: { containers: [ { name: app, image: app, ports: [ { containerPort: 8000, }, ] }, ], } } } }
`,
  "flow style within block style": `apiVersion: apps/v1
kind: Deployment
metadata: {name: app, annotations: {}}
spec:
  selector: {matchLabels: {app: app}}
  template:
    metadata: {labels: {app: app}}
    spec: {initContainers: [], containers: [{name: app, image: app, ports: [{containerPort: 8000}]}], volumes: }
`,
  "null and empty values": `apiVersion: apps/v1
kind: Deployment
metadata:
  name: app
  annotations: null
spec:
  selector: { matchLabels: { app: app } }
  template:
    metadata: { labels: { app: app } }
    spec:
      initContainers:   # none yet
      nodeSelector: ~
${POD}      volumes: []
`,
  "a JSON List": toJson(2),
  "a JSON List with tabs": `${toJson("\t")}\n`,
  "a JSON List in one line": toJson(undefined),
  "a YAML List": `apiVersion: v1
kind: List
metadata: {}
items:
- apiVersion: apps/v1
  kind: DaemonSet
  metadata:
    name: app
    namespace: web
  spec:
    selector: { matchLabels: { app: app } }
    template:
      metadata: { labels: { app: app } }
      spec:
        containers:
        - name: app
          image: app
          ports:
          - containerPort: 8000
            hostPort: 80
- apiVersion: v1
  kind: Service
  metadata:
    name: app
    namespace: web
  spec:
    clusterIP: None
    selector: { app: app }
    ports:
    - port: 8000
`,
  "a CronJob": `apiVersion: batch/v1
kind: CronJob
metadata:
  name: app
spec:
  schedule: "*/5 * * * *"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: OnFailure
          containers:
            - name: app
              image: app
              ports:
                - containerPort: 8000
`,
  "a Job with a generated name": `apiVersion: batch/v1
kind: Job
metadata:
  generateName: app-
spec:
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: app
          image: app
          readinessProbe: { httpGet: { path: /health, port: 8000 } }
`,
  "a Pod": `kind: Pod
apiVersion: v1
metadata:
  labels:
    app: app
  name: app
spec:
  containers:
  - image: app
    name: app
    ports:
    - containerPort: 8000
      protocol: TCP
status: {}
`,
  "a ReplicaSet": `apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: app}
spec:
  selector: {matchLabels: {app: app}}
  template:
    metadata: {labels: {app: app}}
    spec:
      containers:
      - {name: app, image: app, ports: [{containerPort: 8000}]}
`,
  "a Service by the port alone": `${HEAD}${POD}---
apiVersion: v1
kind: Service
metadata:
  name: app
spec:
  selector: { app: app }
  ports:
    - port: 8000 # no targetPort
    - { name: again, port: 8001, targetPort: "8000" }
`,
  "Services of one app by number and by name": `${HEAD}      containers:
        - name: app
          image: app
          ports: [{ name: http, containerPort: 8000 }]
---
apiVersion: v1
kind: Service
metadata: { name: by-number }
spec: { selector: { app: app }, ports: [{ port: 80, targetPort: 8000 }] }
---
apiVersion: v1
kind: Service
metadata: { name: by-name }
spec:
  selector: { app: app }
  ports: [{ port: 80, targetPort: 'http' }]
---
apiVersion: v1
kind: Service
metadata: { name: other }
spec:
  selector: { app: other }
  ports: [{ port: 80, targetPort: 8000 }]
`,
  "an app and its database": `${PLAIN}---
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: db }
spec:
  serviceName: db
  selector: { matchLabels: { app: db } }
  template:
    metadata: { labels: { app: db } }
    spec:
      containers:
        - name: db
          image: postgres
          ports: [{ containerPort: 5432 }]
---
apiVersion: v1
kind: Service
metadata: { name: db }
spec:
  selector: { app: db }
  ports: [{ port: 5432 }]
`,
};
