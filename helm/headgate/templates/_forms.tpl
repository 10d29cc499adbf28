{{/*
Checks the form of each value. A mistake is a sentence that names the key, what the value is and what it must be. values.schema.json checks
the names of keys, and all for which helm has a good message: one about a pattern or an item of a list does not say what to write.
*/}}

{{/* What each value must be. In a path, [] is each item of a list. */}}
{{- define "headgate.forms.values" -}}
upstream: url
bindAddress: ip
ports.http: ownPort
ports.admin: ownPort
app.port: port
service.port: servicePort
app.podLabels: texts
config.existingConfigMap: name
tls: tls
tls.secretName: name
tls.minVersion: tlsVersion
tls.clientCASecretName: name
image: image
image.tag: tag
image.digest: digest
imagePullSecrets: named
nameOverride: label
fullnameOverride: label
commonLabels: texts
podLabels: texts
podAnnotations: texts
nodeSelector: texts
extraArgs: arguments
extraEnv: variables
extraEnv[].value: secret
extraVolumes: volumes
extraVolumeMounts: mounts
replicas: count
shutdown.delaySeconds: seconds
shutdown.terminationGracePeriodSeconds: seconds
podDisruptionBudget.maxUnavailable: share
serviceAccount.name: name
serviceAccount.annotations: texts
service.name: label
service.labels: texts
service.annotations: texts
ingress.annotations: texts
ingress.hosts: hosts
ingress.hosts[].paths: paths
ingress.hosts[].paths[].path: path
httpRoute.annotations: texts
httpRoute.parentRefs: gateways
metrics.podMonitor.interval: duration
metrics.podMonitor.labels: texts
metrics.serviceMonitor.interval: duration
metrics.serviceMonitor.labels: texts
prometheusRule.labels: texts
dashboard.labels: texts
dashboard.annotations: texts
networkPolicy.from: peers
networkPolicy.metricsFrom: peers
injection.podLabels: texts
test.path: path
{{- end -}}

{{/* The forms: a pattern of a text, limits of a whole number, the key that each item of a list has, or `texts` and `mapping`. */}}
{{- define "headgate.forms" -}}
url:
  pattern: "^$|^(https?://[^/?#@ ]+/?|unix:/.+)$"
  must: 'a URL without a path, such as http://my-app:8000'
ip:
  pattern: "^([0-9]+(\\.[0-9]+){3}|\\[[0-9a-fA-F:.]+\\])$"
  must: 'an IP address without a port, such as 0.0.0.0, or "[::]" in quotes'
ownPort:
  from: 1024
  to: 65535
  must: 'a number from 1024 to 65535 without quotes, such as 8080, because headgate is not root'
port:
  from: 1
  to: 65535
  must: 'a port''s number without quotes, such as 8000, not its name'
servicePort:
  from: 1
  to: 65535
  isOptional: true
  must: 'a port''s number without quotes, such as 80, or null'
count:
  from: 0
  to: 1000000
  must: 'a whole number without quotes, such as 2'
seconds:
  from: 0
  to: 1000000
  must: 'whole seconds without a unit, such as 5'
share:
  pattern: "^[0-9]+%$"
  from: 0
  to: 1000000
  must: 'a number such as 1, or a percentage such as 25%'
secret:
  pattern: "^"
  isOptional: true
  isSecret: true
  must: 'a text; put it in quotes'
texts:
  texts: true
  must: 'a mapping of texts, such as { team: web }'
name:
  pattern: "^$|^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$"
  must: 'the name of an object, in lower-case letters, digits, - and .'
label:
  pattern: "^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
  must: 'a name in lower-case letters, digits and -'
tag:
  pattern: "^$|^[A-Za-z0-9_][A-Za-z0-9._-]*$"
  must: 'a text, such as "1.2" in quotes'
digest:
  pattern: "^$|^sha256:[0-9a-f]{64}$"
  must: 'sha256:… with 64 hexadecimal digits; a tag belongs in image.tag'
duration:
  pattern: "^([0-9]+(ms|s|m|h))+$"
  must: 'a duration such as 30s'
path:
  pattern: "^/"
  must: 'a path that begins with a slash, such as /health'
tlsVersion:
  pattern: "^1[.][23]$"
  must: '"1.2" or "1.3", in quotes'
tls:
  mapping: true
  must: 'a mapping such as { secretName: app-tls }'
image:
  mapping: true
  must: 'a mapping such as { registry: ghcr.io, repository: headgate/headgate, tag: "1.2.3" }'
arguments:
  items: ""
  must: 'a list of texts, such as ["--log-level=debug"]'
named:
  items: name
  must: 'a list such as [{ name: registry-login }]'
variables:
  items: name
  must: 'a list such as [{ name: API_URL, value: "http://api" }]'
volumes:
  items: name
  must: 'a list such as [{ name: cache, emptyDir: {} }]'
mounts:
  items: name
  must: 'a list such as [{ name: cache, mountPath: /cache }]'
hosts:
  items: host
  must: 'a list such as [{ host: app.example.com, paths: [{ path: /, pathType: Prefix }] }]'
paths:
  items: path
  isOptional: true
  must: 'a list such as [{ path: /, pathType: Prefix }]'
gateways:
  items: name
  must: 'a list such as [{ name: public, namespace: gateways }]'
peers:
  items: "*"
  must: 'a list of peers, such as [{ podSelector: {} }]'
{{- end -}}

{{/* Other charts' names of a value, with this chart's. */}}
{{- define "headgate.forms.otherNames" -}}
replicaCount: replicas
env: extraEnv
config.routes: config.file.routes
image.name: image.repository
tls.enabled: tls.secretName
service.targetPort: ports.http
ingress.host: ingress.hosts
podDisruptionBudget.minAvailable: podDisruptionBudget.maxUnavailable
autoscaling.targetCPUUtilizationPercentage: autoscaling.targetCPU, as a quantity such as 600m
metrics.enabled: metrics.podMonitor.enabled
metrics.interval: metrics.podMonitor.interval
{{- end -}}

{{/* Prints a line for each value of a wrong form. */}}
{{- define "headgate.formMistakes" -}}
{{- range $path, $instead := include "headgate.forms.otherNames" . | fromYaml }}
{{- range include "headgate.find" (list $.Values $path) | fromYamlArray }}
{{- if not (kindIs "invalid" .value) }}
{{ .path }}: is no value of this chart; set {{ $instead }}
{{- end }}
{{- end }}
{{- end }}
{{- $forms := include "headgate.forms" . | fromYaml }}
{{- range $path, $name := include "headgate.forms.values" . | fromYaml }}
{{- $form := get $forms $name }}
{{- range include "headgate.find" (list $.Values $path) | fromYamlArray }}
{{- include "headgate.formMistake" (list .path .value $form) }}
{{- end }}
{{- end }}
{{- end -}}

{{/* The values at a path, as a list of { path, value }. */}}
{{- define "headgate.find" -}}
{{- $found := list (dict "path" "" "value" (first .)) }}
{{- range $step := last . | replace "[]" ".[]" | splitList "." }}
{{- $next := list }}
{{- range $found }}
{{- $path := .path }}
{{- $value := .value }}
{{- if eq $step "[]" }}
{{- if kindIs "slice" $value }}
{{- range $index, $item := $value }}{{ $next = append $next (dict "path" (printf "%s[%d]" $path $index) "value" $item) }}{{ end }}
{{- end }}
{{- else if kindIs "map" $value }}
{{- /* helm removes a key whose value is null. */}}
{{- $one := hasKey $value $step | ternary (get $value $step) nil }}
{{- $next = append $next (dict "path" (ternary $step (printf "%s.%s" $path $step) (eq $path "")) "value" $one) }}
{{- end }}
{{- end }}
{{- $found = $next }}
{{- end }}
{{- toYaml $found }}
{{- end -}}

{{- define "headgate.formMistake" -}}
{{- $path := index . 0 }}
{{- $value := index . 1 }}
{{- $form := index . 2 }}
{{- $isWrong := "yes" }}
{{- if kindIs "string" $value }}
{{- if $form.pattern }}{{ if regexMatch $form.pattern $value }}{{ $isWrong = "" }}{{ end }}{{ end }}
{{- else if kindIs "slice" $value }}
{{- if hasKey $form "items" }}{{ $isWrong = include "headgate.wrongItem" (list $value $form.items) }}{{ end }}
{{- else if kindIs "map" $value }}
{{- if $form.mapping }}{{ $isWrong = "" }}{{ end }}
{{- if $form.texts }}
{{- $isWrong = "" }}
{{- range $key, $one := $value }}
{{- if not (kindIs "string" $one) }}
{{ $path }}.{{ $key }}: is {{ toJson $one }}, and must be a text; put it in quotes
{{- end }}
{{- end }}
{{- end }}
{{- else if kindIs "invalid" $value }}
{{- $isEmpty := regexMatch (default "^x" $form.pattern) "" }}
{{- $isWrong = ternary "" "yes" (or $isEmpty (hasKey $form "isOptional") (hasKey $form "texts") (hasKey $form "items")) }}
{{- else if and (hasKey $form "from") (has (kindOf $value) (list "float64" "int64" "int")) }}
{{- if and (eq (float64 $value) (floor $value)) (ge (float64 $value) (float64 $form.from)) (le (float64 $value) (float64 $form.to)) }}{{ $isWrong = "" }}{{ end }}
{{- end }}
{{- if $isWrong }}
{{ $path }}: is {{ include "headgate.shown" (list $value $form) }}, and must be {{ $form.must }}
{{- end }}
{{- end -}}

{{/* A value as a message shows it: no password of a URL, and nothing of what may hold a secret. */}}
{{- define "headgate.shown" -}}
{{- $value := first . }}
{{- if (last .).isSecret }}{{ kindIs "bool" $value | ternary "a boolean" "no text" }}
{{- else if kindIs "map" $value }}a mapping
{{- else if kindIs "slice" $value }}a list of other items
{{- else }}{{ regexReplaceAllLiteral "//[^/@]*@" (toJson $value) "//<hidden>@" | trunc 100 }}
{{- end }}
{{- end -}}

{{/* Not empty if an item of a list has another form: a text for "", a mapping for "*", else a mapping with that key. */}}
{{- define "headgate.wrongItem" -}}
{{- $key := last . }}
{{- range first . }}
{{- if eq $key "" }}
{{- if not (kindIs "string" .) }}yes{{ end }}
{{- else if not (kindIs "map" .) }}yes
{{- else if and (ne $key "*") (not (hasKey . $key)) }}yes
{{- end }}
{{- end }}
{{- end -}}
