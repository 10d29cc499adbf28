{{/*
Values that cannot work together, or would have no effect. Each template prints one line for each; values/refusals.yaml fails with all of
them. What concerns a single value is in _forms.tpl and values.schema.json.
*/}}

{{- define "headgate.refusals" -}}
{{- $topics := list "ports" "config" "tls" "upstream" "container" "resources" "shutdown" "scaling" "metadata" "traffic" "mode" -}}
{{- $lines := list -}}
{{- range $topic := $topics -}}
{{- $lines = concat $lines (include (printf "headgate.refusals.%s" $topic) $ | splitList "\n") -}}
{{- end -}}
{{- without $lines "" | join "\n" -}}
{{- end -}}

{{- define "headgate.refusals.ports" -}}
{{- if eq (int .Values.ports.http) (int .Values.ports.admin) }}
ports: http and admin are both {{ int .Values.ports.http }}; set two different ports
{{- end }}
{{- if eq .Values.mode "sidecar" }}
{{- range $name := list "http" "admin" }}
{{- if eq (int (get $.Values.ports $name)) (int $.Values.app.port) }}
ports.{{ $name }}: {{ int $.Values.app.port }} is the app's port too (app.port), and containers of a pod share their ports; set another one
{{- end }}
{{- end }}
{{- end }}
{{- if regexMatch "^(127\\.|\\[::1\\]$)" .Values.bindAddress }}
bindAddress: {{ .Values.bindAddress }} is reachable only from within the pod, so every probe would fail; set 0.0.0.0 or "[::]"
{{- end }}
{{- end -}}

{{- define "headgate.refusals.config" -}}
{{- if and .Values.config.file .Values.config.existingConfigMap }}
config: file and existingConfigMap are both set, and only one can be the route file; remove one
{{- end }}
{{- $isText := kindIs "string" .Values.config.file }}
{{- $file := ternary .Values.config.file (.Values.config.file | default dict | toYaml) $isText | fromYaml }}
{{- if hasKey $file "Error" }}
config.file: is no YAML mapping: {{ get $file "Error" | replace "\n" " " }}
{{- end }}
{{- if hasKey $file "listen" }}
config.file.listen: the chart overrides it (HEADGATE_LISTEN); remove it, and set ports.http and bindAddress, for other settings tls, http2 and proxyProtocol
{{- end }}
{{- if hasKey $file "admin" }}
config.file.admin: the chart overrides it (HEADGATE_ADMIN), because the probes need the port; remove it, and set ports.admin and bindAddress
{{- end }}
{{- if eq .Values.config.reload "rollout" }}
{{- if .Values.config.existingConfigMap }}
config.reload: rollout has no effect with existingConfigMap, whose content the chart does not see; set hot
{{- else if .Values.injection.enabled }}
config.reload: rollout has no effect with injection, because the pods belong to another release; set hot
{{- end }}
{{- end }}
{{- end -}}

{{- define "headgate.refusals.tls" -}}
{{- $tls := .Values.tls }}
{{- if not $tls.secretName }}
{{- range $name := list "clientCASecretName" "forwardClientCert" }}
{{- if get $tls $name }}
tls.{{ $name }}: has no effect without TLS; set tls.secretName
{{- end }}
{{- end }}
{{- if ne $tls.minVersion "1.2" }}
tls.minVersion: has no effect without TLS; set tls.secretName
{{- end }}
{{- end }}
{{- if not $tls.clientCASecretName }}
{{- if ne $tls.clientAuth "require" }}
tls.clientAuth: needs the authorities of client certificates; set tls.clientCASecretName
{{- end }}
{{- if and $tls.secretName $tls.forwardClientCert }}
tls.forwardClientCert: needs client certificates that are verified; set tls.clientCASecretName
{{- end }}
{{- end }}
{{- if kindIs "string" .Values.config.file }}
{{- range $name, $isSet := dict "tls.secretName" $tls.secretName "http2" .Values.http2 "proxyProtocol" .Values.proxyProtocol }}
{{- if and $isSet $.Values.config.file }}
{{ $name }}: the chart adds nothing to a config.file that is a text; write config.file as YAML
{{- end }}
{{- end }}
{{- end }}
{{- if .Values.config.existingConfigMap }}
{{- $others := dict "tls.clientAuth" (ne $tls.clientAuth "require") "tls.minVersion" (ne $tls.minVersion "1.2") "tls.forwardClientCert" $tls.forwardClientCert "http2" .Values.http2 "proxyProtocol" .Values.proxyProtocol }}
{{- range $name, $isSet := $others }}
{{- if $isSet }}
{{ $name }}: has no effect with config.existingConfigMap, whose content the chart does not change; write it there, under listen
{{- end }}
{{- end }}
{{- end }}
{{- $forwarded := get (include "headgate.routeFile" . | fromYaml) "forwarded" }}
{{- if and .Values.proxyProtocol (has (toString $forwarded) (list "off" "false")) }}
proxyProtocol: needs config.file.forwarded.trust, the addresses of the load balancer, and config.file.forwarded is off; remove one of them
{{- end }}
{{- if and .Values.proxyProtocol (kindIs "map" $forwarded) }}
{{- if and (hasKey $forwarded "trust") (not (get $forwarded "trust")) }}
proxyProtocol: needs the addresses of the load balancer in config.file.forwarded.trust, and that list is empty; fill it, or leave it out for all private addresses
{{- end }}
{{- end }}
{{- end -}}

{{- define "headgate.refusals.upstream" -}}
{{- $inFile := include "headgate.upstreamInFile" . }}
{{- if and .Values.upstream $inFile }}
upstream: overrides the URL of config.file.upstream ({{ $inFile }}); remove one of them
{{- end }}
{{- if and (eq .Values.mode "standalone") (not .Values.upstream) (not $inFile) (not .Values.config.existingConfigMap) }}
upstream: standalone needs the address of the existing Service, such as http://my-app:8000
{{- end }}
{{- /* headgate's own Service, by each of the names that a cluster gives it. */}}
{{- $service := printf "%s(\\.%s(\\.svc(\\.[a-z.]+)?)?)?" (include "headgate.serviceName" .) .Release.Namespace }}
{{- $scheme := include "headgate.scheme" . }}
{{- $number := include "headgate.servicePort" . }}
{{- $isDefault := eq $number (get (dict "http" "80" "https" "443") $scheme) }}
{{- $port := ternary (printf "(:%s)?" $number) (printf ":%s" $number) $isDefault }}
{{- $pod := printf "(127\\.[0-9.]+|localhost|\\[::1\\]):%d" (int .Values.ports.http) }}
{{- $own := ternary $pod (printf "%s%s" $service $port) (eq .Values.mode "sidecar") }}
{{- if regexMatch (printf "^%s://%s/?$" $scheme $own) (default $inFile .Values.upstream) }}
upstream: {{ default $inFile .Values.upstream }} is headgate itself, so it would forward every request to itself; set the app's address
{{- end }}
{{- end -}}

{{- define "headgate.refusals.container" -}}
{{- range $argument := .Values.extraArgs }}
{{- $option := regexFind "^--(listen|admin|config|upstream)" $argument }}
{{- if regexMatch "^--(listen|admin|config|upstream)(=|$)" $argument }}
extraArgs: {{ $option }} overrides what probes, ports and volumes are made for; set {{ include "headgate.insteadOf" (trimPrefix "--" $option) }}
{{- end }}
{{- end }}
{{- range .Values.extraEnv }}
{{- $name := toString .name }}
{{- if regexMatch "^HEADGATE_(LISTEN|ADMIN|CONFIG|UPSTREAM)$" $name }}
extraEnv: {{ $name }} is set by the chart; set {{ include "headgate.insteadOf" (trimPrefix "HEADGATE_" $name | lower) }}
{{- end }}
{{- end }}
{{- range .Values.extraVolumes }}
{{- if eq (toString .name) "headgate" }}
extraVolumes: the name "headgate" is taken by the route file's volume; choose another one
{{- end }}
{{- end }}
{{- range .Values.extraVolumeMounts }}
{{- if eq (toString .mountPath | trimSuffix "/") "/etc/headgate" }}
extraVolumeMounts: /etc/headgate is where the route file is mounted; choose another mountPath
{{- end }}
{{- end }}
{{- end -}}

{{- define "headgate.insteadOf" -}}
{{- get (dict "listen" "ports.http and bindAddress" "admin" "ports.admin and bindAddress" "config" "config.file or config.existingConfigMap" "upstream" "upstream, or config.file.upstream with ${NAME} of another variable") . -}}
{{- end -}}

{{- define "headgate.refusals.resources" -}}
{{- $resources := .Values.resources | default dict }}
{{- range $kind := list "requests" "limits" }}
{{- $values := get $resources $kind | default dict }}
{{- if hasKey $values "memory" }}
{{- if not (include "headgate.bytes" (get $values "memory")) }}
resources.{{ $kind }}.memory: "{{ get $values "memory" }}" is no quantity of memory; write one such as 192Mi
{{- end }}
{{- end }}
{{- if hasKey $values "cpu" }}
{{- if not (include "headgate.millicores" (get $values "cpu")) }}
resources.{{ $kind }}.cpu: "{{ get $values "cpu" }}" is no quantity of CPU; write one such as 50m or 0.5
{{- end }}
{{- end }}
{{- end }}
{{- $requests := get $resources "requests" | default dict }}
{{- $limits := get $resources "limits" | default dict }}
{{- $memoryLimit := include "headgate.bytes" (get $limits "memory") }}
{{- $memoryRequest := include "headgate.bytes" (get $requests "memory") }}
{{- if and $memoryLimit $memoryRequest (gt (int64 $memoryRequest) (int64 $memoryLimit)) }}
resources: requests.memory {{ get $requests "memory" }} is more than limits.memory {{ get $limits "memory" }}; raise the limit
{{- end }}
{{- if and $memoryLimit (lt (int64 $memoryLimit) 33554432) }}
resources.limits.memory: headgate does not start within {{ get $limits "memory" }}; give it 96Mi or more
{{- end }}
{{- $cpuLimit := include "headgate.millicores" (get $limits "cpu") }}
{{- $cpuRequest := include "headgate.millicores" (get $requests "cpu") }}
{{- if and $cpuLimit $cpuRequest (gt (int64 $cpuRequest) (int64 $cpuLimit)) }}
resources: requests.cpu {{ get $requests "cpu" }} is more than limits.cpu {{ get $limits "cpu" }}; raise or remove the limit
{{- end }}
{{- end -}}

{{- define "headgate.refusals.shutdown" -}}
{{- if eq .Values.mode "standalone" }}
{{- $shutdown := dict }}
{{- if not .Values.config.existingConfigMap }}
{{- $written := get (include "headgate.routeFile" . | fromYaml) "shutdown" }}
{{- if kindIs "map" $written }}{{ $shutdown = $written }}{{ end }}
{{- $shutdown = merge (dict) $shutdown (dict "delay" "0s" "grace" "25s") }}
{{- end }}
{{- $preStopMs := mul 1000 (int64 .Values.shutdown.delaySeconds) }}
{{- $delayMs := include "headgate.milliseconds" (get $shutdown "delay") | int64 }}
{{- $graceMs := include "headgate.milliseconds" (get $shutdown "grace") | int64 }}
{{- $neededMs := add $preStopMs $delayMs $graceMs }}
{{- $given := int64 .Values.shutdown.terminationGracePeriodSeconds }}
{{- if ge (int64 .Values.shutdown.delaySeconds) $given }}
shutdown.delaySeconds: {{ int .Values.shutdown.delaySeconds }} leaves nothing of terminationGracePeriodSeconds ({{ $given }}) for requests in flight; lower it, or raise terminationGracePeriodSeconds
{{- else if gt $neededMs (mul 1000 $given) }}
shutdown.terminationGracePeriodSeconds: {{ $given }} is less than delaySeconds ({{ int .Values.shutdown.delaySeconds }}s) with config.file's shutdown.delay ({{ get $shutdown "delay" }}) and shutdown.grace ({{ get $shutdown "grace" }}), so Kubernetes would kill headgate with requests in flight; set at least {{ divf $neededMs 1000 | ceil | int64 }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "headgate.refusals.scaling" -}}
{{- if eq .Values.mode "standalone" }}
{{- if .Values.autoscaling.enabled }}
{{- if ne (int .Values.replicas) 2 }}
replicas: has no effect with autoscaling.enabled; remove it, and set autoscaling.minReplicas
{{- end }}
{{- if gt (int .Values.autoscaling.minReplicas) (int .Values.autoscaling.maxReplicas) }}
autoscaling: minReplicas {{ int .Values.autoscaling.minReplicas }} is more than maxReplicas {{ int .Values.autoscaling.maxReplicas }}
{{- end }}
{{- $target := include "headgate.millicores" .Values.autoscaling.targetCPU }}
{{- $limit := include "headgate.millicores" (dig "limits" "cpu" "" (.Values.resources | default dict)) }}
{{- if not $target }}
autoscaling.targetCPU: "{{ .Values.autoscaling.targetCPU }}" is no quantity of CPU; write one such as 600m (not a percentage)
{{- else if or (lt (int64 $target) 1) (gt (int64 $target) 1000) }}
autoscaling.targetCPU: {{ .Values.autoscaling.targetCPU }} is never reached, because one headgate uses at most one core; set one between 1m and 1000m
{{- else if and $limit (ge (int64 $target) (int64 $limit)) }}
autoscaling.targetCPU: {{ .Values.autoscaling.targetCPU }} is never reached with resources.limits.cpu {{ .Values.resources.limits.cpu }}; remove the limit
{{- end }}
{{- range .Values.autoscaling.metrics }}
{{- $name := dig "resource" "name" "" . }}
{{- if and (eq (dig "resource" "target" "type" "" .) "Utilization") (not (dig "requests" $name (dig "limits" $name "" ($.Values.resources | default dict)) ($.Values.resources | default dict))) }}
autoscaling.metrics: the Utilization of {{ $name }} is a percentage of resources.requests.{{ $name }}, which is not set
{{- end }}
{{- end }}
{{- end }}
{{- if and .Values.podDisruptionBudget.enabled (has (toString .Values.podDisruptionBudget.maxUnavailable) (list "0" "0%")) }}
podDisruptionBudget.maxUnavailable: {{ .Values.podDisruptionBudget.maxUnavailable }} lets no pod be evicted, so no node could be drained; set 1 or more
{{- end }}
{{- $update := dig "rollingUpdate" dict (.Values.strategy | default dict) }}
{{- if and (hasKey $update "maxSurge") (hasKey $update "maxUnavailable") (has (toString $update.maxSurge) (list "0" "0%")) (has (toString $update.maxUnavailable) (list "0" "0%")) }}
strategy.rollingUpdate: with maxSurge and maxUnavailable at 0, no pod could ever be replaced; set one of them to 1
{{- end }}
{{- end }}
{{- end -}}

{{- define "headgate.refusals.metadata" -}}
{{- range $name := list "commonLabels" "podLabels" }}
{{- $labels := get $.Values $name | default dict }}
{{- range $key := list "app.kubernetes.io/name" "app.kubernetes.io/instance" }}
{{- if hasKey $labels $key }}
{{ $name }}: {{ $key }} selects headgate's pods and belongs to the chart; use another label, or nameOverride
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "headgate.refusals.traffic" -}}
{{- range $name := list "ingress" "httpRoute" }}
{{- if and (get $.Values $name).enabled (not $.Values.service.enabled) }}
{{ $name }}: needs the Service to send requests to; set service.enabled=true
{{- end }}
{{- end }}
{{- if and .Values.ingress.enabled (not .Values.ingress.hosts) }}
ingress.hosts: is empty, so no request would match; set { host: app.example.com, paths: [{ path: /, pathType: Prefix }] }
{{- end }}
{{- if and .Values.httpRoute.enabled (not .Values.httpRoute.parentRefs) }}
httpRoute.parentRefs: is empty, so no Gateway would use the route; set { name: GATEWAY }
{{- end }}
{{- if and .Values.httpRoute.enabled (not .Values.httpRoute.rules) }}
httpRoute.rules: is empty, so no request would reach headgate; set one rule, or leave the default
{{- end }}
{{- if and .Values.metrics.podMonitor.enabled .Values.metrics.serviceMonitor.enabled }}
metrics: podMonitor and serviceMonitor would both scrape every pod, and every sum would be doubled; disable serviceMonitor
{{- end }}
{{- $upstream := default (include "headgate.upstreamInFile" .) .Values.upstream }}
{{- $namespace := regexFind "^https?://[^.:/]+\\.[^.:/]+\\.svc[.:/]?" (printf "%s/" $upstream) | splitList "." }}
{{- if and .Values.networkPolicy.enabled (eq .Values.mode "standalone") (gt (len $namespace) 1) }}
{{- if ne (index $namespace 1) .Release.Namespace }}
networkPolicy: a NetworkPolicy selects only pods of its own namespace ({{ .Release.Namespace }}), and the app is in {{ index $namespace 1 }}; install the chart there
{{- end }}
{{- end }}
{{- $selects := list .Values.service.enabled .Values.metrics.podMonitor.enabled .Values.networkPolicy.enabled | has true }}
{{- if and (empty .Values.app.podLabels) (or (and (eq .Values.mode "sidecar") $selects) .Values.networkPolicy.enabled) }}
app.podLabels: is empty, and {{ ternary "Service, PodMonitor and NetworkPolicy find" "the NetworkPolicy finds" (eq .Values.mode "sidecar") }} the app's pods by their labels; set those of the app's pods, such as app: my-app
{{- end }}
{{- end -}}

{{- define "headgate.refusals.mode" -}}
{{- if eq .Values.mode "standalone" }}
{{- if .Values.injection.enabled }}
injection: adds headgate to the app's pods, so it is for mode: sidecar
{{- end }}
{{- else }}
{{- if and .Values.injection.enabled (semverCompare "<1.34.0-0" .Capabilities.KubeVersion.Version) }}
injection: needs Kubernetes 1.36, or 1.34 with the beta API enabled, and this is {{ .Capabilities.KubeVersion.Version }}; add the container in another way, or give helm template --kube-version
{{- end }}
{{- if .Values.metrics.serviceMonitor.enabled }}
metrics.serviceMonitor: is for mode: standalone; a sidecar is scraped by metrics.podMonitor
{{- end }}
{{- /* What belongs to the app's own pod and Deployment would be set here without any effect. The defaults are those of values.yaml. */}}
{{- $unused := list }}
{{- range $name := list "topologySpreadConstraints" "affinity" "nodeSelector" "tolerations" "priorityClassName" "podLabels" "podAnnotations" }}
{{- if get $.Values $name }}{{ $unused = append $unused $name }}{{ end }}
{{- end }}
{{- if .Values.autoscaling.enabled }}{{ $unused = append $unused "autoscaling.enabled" }}{{ end }}
{{- if ne (int .Values.replicas) 2 }}{{ $unused = append $unused "replicas" }}{{ end }}
{{- if ne (int .Values.shutdown.terminationGracePeriodSeconds) 35 }}{{ $unused = append $unused "shutdown.terminationGracePeriodSeconds" }}{{ end }}
{{- range $unused }}
{{ . }}: has no effect with mode: sidecar, where the pod belongs to the app; set it in the app's own manifest
{{- end }}
{{- end }}
{{- end -}}
