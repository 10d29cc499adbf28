{{/*
The container, one definition for the Deployment, for other charts and for the injection.

Its ports are named so that they hide no port of the app: in a pod, a Service's `targetPort: http` takes the first container
that has this name. Nothing here refers to the names.
*/}}
{{- define "headgate.container" -}}
{{- $isNative := eq (include "headgate.isNative" .) "true" -}}
{{- if and $isNative (semverCompare "<1.29.0-0" .Capabilities.KubeVersion.Version) -}}
{{- fail (printf "sidecar.native needs Kubernetes 1.29, this is %s: set sidecar.native=false, or give helm template --kube-version" .Capabilities.KubeVersion.Version) -}}
{{- end -}}
name: headgate
image: {{ include "headgate.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- if $isNative }}
restartPolicy: Always
{{- end }}
args:
  - run
  {{- with .Values.extraArgs }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
env:
  - name: HEADGATE_CONFIG
    value: /etc/headgate/headgate.yaml
  - name: HEADGATE_LISTEN
    value: {{ printf "%s:%d" .Values.bindAddress (int .Values.ports.http) | quote }}
  - name: HEADGATE_ADMIN
    value: {{ printf "%s:%d" .Values.bindAddress (int .Values.ports.admin) | quote }}
  {{- with include "headgate.upstream" . }}
  - name: HEADGATE_UPSTREAM
    value: {{ . | quote }}
  {{- end }}
  {{- with .Values.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .Values.envFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
ports:
  - name: headgate
    containerPort: {{ int .Values.ports.http }}
    protocol: TCP
  - name: headgate-admin
    containerPort: {{ int .Values.ports.admin }}
    protocol: TCP
startupProbe:
  {{- include "headgate.probe" (dict "path" "/readyz" "port" .Values.ports.admin "timing" .Values.startupProbe) | nindent 2 }}
readinessProbe:
  {{- include "headgate.probe" (dict "path" "/readyz" "port" .Values.ports.admin "timing" .Values.readinessProbe) | nindent 2 }}
livenessProbe:
  {{- include "headgate.probe" (dict "path" "/livez" "port" .Values.ports.admin "timing" .Values.livenessProbe) | nindent 2 }}
{{- /* An API server that does not know the action drops the field and refuses the empty handler. */}}
{{- if and (eq (include "headgate.waits" .) "true") (semverCompare ">=1.30.0-0" .Capabilities.KubeVersion.Version) }}
lifecycle:
  preStop:
    sleep:
      seconds: {{ int .Values.shutdown.delaySeconds }}
{{- end }}
{{- with .Values.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- toYaml .Values.securityContext | nindent 2 }}
terminationMessagePolicy: FallbackToLogsOnError
volumeMounts:
  {{- /* The directory: a file mounted by subPath never changes again. */}}
  - name: headgate
    mountPath: /etc/headgate
    readOnly: true
  {{- with .Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "headgate.probe" -}}
httpGet:
  path: {{ .path }}
  port: {{ int .port }}
{{- with .timing }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/*
For another chart's pod, as a list: under `initContainers:` where sidecar.native holds, else under `containers:`.

    initContainers:
      {{- include "headgate.sidecar" .Subcharts.headgate | nindent 8 }}
*/}}
{{- define "headgate.sidecar" -}}
{{- if ne .Values.mode "sidecar" -}}
{{- fail "headgate.sidecar: set mode: sidecar under headgate" -}}
{{- end -}}
-
{{- include "headgate.container" . | nindent 2 }}
{{- end -}}

{{/* For another chart's pod, as a list: under `volumes:`. */}}
{{- define "headgate.volumes" -}}
- name: headgate
{{- if .Values.tls.secretName }}
  {{- /* One folder, so that the route file names the certificate without a path, and both change at one time. */}}
  projected:
    sources:
      - configMap:
          name: {{ include "headgate.configMapName" . }}
      - secret:
          name: {{ .Values.tls.secretName }}
          items:
            - key: tls.crt
              path: tls.crt
            - key: tls.key
              path: tls.key
      {{- with .Values.tls.clientCASecretName }}
      - secret:
          name: {{ . }}
          items:
            - key: ca.crt
              path: client-ca.crt
      {{- end }}
{{- else }}
  configMap:
    name: {{ include "headgate.configMapName" . }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}
