{{/*
A value as a CEL expression. `type` is the CEL type of its place in the pod (`Object.spec.initContainers`), for the API server
types every object literal. requests, limits and labels are maps by the API's schema, not objects.
*/}}
{{- define "headgate.cel" -}}
{{- $type := .type -}}
{{- if kindIs "map" .value -}}
{{- $isMap := regexMatch "\\.(requests|limits)$" $type -}}
{{- $fields := list -}}
{{- range $key, $value := .value -}}
{{- $fields = append $fields (printf "%s: %s" (ternary ($key | toJson) $key $isMap) (include "headgate.cel" (dict "type" (printf "%s.%s" $type $key) "value" $value))) -}}
{{- end -}}
{{- printf "%s{%s}" (ternary "" $type $isMap) (join ", " $fields) -}}
{{- else if kindIs "slice" .value -}}
{{- $items := list -}}
{{- range .value -}}
{{- $items = append $items (include "headgate.cel" (dict "type" $type "value" .)) -}}
{{- end -}}
{{- printf "[%s]" (join ", " $items) -}}
{{- else if kindIs "float64" .value -}}
{{- int64 .value -}}
{{- else -}}
{{- toJson .value -}}
{{- end -}}
{{- end -}}
