{{/* Names, labels and what is derived from the values. */}}

{{- define "headgate.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "headgate.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "headgate.name" . -}}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "headgate.selectorLabels" -}}
app.kubernetes.io/name: {{ include "headgate.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Of the pod of `helm test`. The Service selects another name: this pod must not become one of its endpoints. */}}
{{- define "headgate.testLabels" -}}
app.kubernetes.io/name: {{ include "headgate.name" . }}-test
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "headgate.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "headgate.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Whose pods headgate runs in: its own, or the app's. */}}
{{- define "headgate.podLabels" -}}
{{- if eq .Values.mode "sidecar" -}}
{{- toYaml .Values.app.podLabels -}}
{{- else -}}
{{- include "headgate.selectorLabels" . -}}
{{- end -}}
{{- end -}}

{{- define "headgate.image" -}}
{{- $registry := .Values.image.registry -}}
{{- with .Values.global }}{{ $registry = default $registry .imageRegistry }}{{ end -}}
{{- $name := ternary .Values.image.repository (printf "%s/%s" $registry .Values.image.repository) (empty $registry) -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $name .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $name (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "headgate.serviceName" -}}
{{- default (include "headgate.fullname" .) .Values.service.name -}}
{{- end -}}

{{/* How clients reach the Service, as the scheme of its URL and the name of its port. */}}
{{- define "headgate.scheme" -}}
{{- ternary "http" "https" (empty .Values.tls.secretName) -}}
{{- end -}}

{{- define "headgate.servicePort" -}}
{{- default (ternary 80 443 (empty .Values.tls.secretName)) .Values.service.port | int -}}
{{- end -}}

{{/* Whether the pod of `helm test` can connect: it has no client certificate and writes no PROXY protocol header. */}}
{{- define "headgate.isTestable" -}}
{{- $needsCertificate := and .Values.tls.clientCASecretName (eq .Values.tls.clientAuth "require") -}}
{{- and .Values.service.enabled (not $needsCertificate) (not .Values.proxyProtocol) -}}
{{- end -}}

{{- define "headgate.serviceAccountName" -}}
{{- default (ternary (include "headgate.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "headgate.configMapName" -}}
{{- default (include "headgate.fullname" .) .Values.config.existingConfigMap -}}
{{- end -}}

{{/*
The route file. A text stays as it is, comments included; without a file every HEAD is converted. `shutdown.delay` is for clients on
kept connections, which a changed endpoint does not reach: for that second headgate tells them `Connection: close`, before it closes
the connections itself. `listen` is there only where it says more than an address.
*/}}
{{- define "headgate.routeFile" -}}
{{- if kindIs "string" .Values.config.file -}}
{{- .Values.config.file -}}
{{- else -}}
{{- $file := .Values.config.file | default (dict "routes" list) -}}
{{- $delay := ternary (dict "shutdown" (dict "delay" "1s")) dict (eq (include "headgate.waits" .) "true") -}}
{{- $listener := include "headgate.listener" . | fromYaml -}}
{{- $listen := ternary (dict "listen" $listener) dict (gt (len $listener) 1) -}}
{{- merge (deepCopy $file) $delay $listen | toYaml -}}
{{- end -}}
{{- end -}}

{{/* The port for requests as a listener of the route file. HEADGATE_LISTEN has the same address. The files are beside the route file. */}}
{{- define "headgate.listener" -}}
address: {{ printf "%s:%d" .Values.bindAddress (int .Values.ports.http) | quote }}
{{- if .Values.tls.secretName }}
tls:
  cert: tls.crt
  key: tls.key
  {{- if .Values.tls.clientCASecretName }}
  clientCA: client-ca.crt
  {{- if ne .Values.tls.clientAuth "require" }}
  clientAuth: {{ .Values.tls.clientAuth }}
  {{- end }}
  {{- if .Values.tls.forwardClientCert }}
  forwardClientCert: true
  {{- end }}
  {{- end }}
  {{- if ne .Values.tls.minVersion "1.2" }}
  minVersion: {{ .Values.tls.minVersion | quote }}
  {{- end }}
{{- end }}
{{- if .Values.http2 }}
http2: true
{{- end }}
{{- with .Values.proxyProtocol }}
proxyProtocol: {{ . }}
{{- end }}
{{- end -}}

{{/* A native sidecar needs no delay: Kubernetes stops it when the app is gone. */}}
{{- define "headgate.isNative" -}}
{{- and (eq .Values.mode "sidecar") .Values.sidecar.native -}}
{{- end -}}

{{- define "headgate.waits" -}}
{{- and (ne (include "headgate.isNative" .) "true") (gt (int .Values.shutdown.delaySeconds) 0) -}}
{{- end -}}

{{/* The URL of the route file's upstream; empty where it has none. */}}
{{- define "headgate.upstreamInFile" -}}
{{- $upstream := get (include "headgate.routeFile" . | fromYaml) "upstream" -}}
{{- if kindIs "map" $upstream -}}
{{- get $upstream "url" -}}
{{- else -}}
{{- $upstream -}}
{{- end -}}
{{- end -}}

{{/* For HEADGATE_UPSTREAM; empty where the route file has it. */}}
{{- define "headgate.upstream" -}}
{{- if .Values.upstream -}}
{{- .Values.upstream -}}
{{- else if or .Values.config.existingConfigMap (include "headgate.upstreamInFile" .) -}}
{{- else if eq .Values.mode "sidecar" -}}
http://127.0.0.1:{{ int .Values.app.port }}
{{- end -}}
{{- end -}}

{{/* Changes with the route file, where pods shall be replaced for it. */}}
{{- define "headgate.podAnnotations" -}}
{{- if and (eq .Values.config.reload "rollout") (not .Values.config.existingConfigMap) -}}
checksum/headgate: {{ include "headgate.routeFile" . | sha256sum }}
{{- end -}}
{{- end -}}
