{{/* Kubernetes' quantities and headgate's durations as numbers. Each is empty for a text that it cannot read. */}}

{{/* Bytes of a memory quantity such as 192Mi. `m` is left out: it is legal, means thousandths of a byte, and is never meant. */}}
{{- define "headgate.bytes" -}}
{{- $text := kindIs "float64" . | ternary (printf "%.0f" .) (toString .) -}}
{{- if regexMatch "^[0-9]+(\\.[0-9]+)?([eE][0-9]+|[kMGT]|[KMGT]i)?$" $text -}}
{{- $unit := regexFind "(k|[MGT]|[KMGT]i)$" $text -}}
{{- $units := dict "" 1 "k" 1000 "M" 1000000 "G" 1000000000 "T" 1000000000000 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 -}}
{{- mulf (trimSuffix $unit $text | float64) (get $units $unit) | int64 -}}
{{- end -}}
{{- end -}}

{{/* Thousandths of a core of a CPU quantity such as 600m or 0.6. */}}
{{- define "headgate.millicores" -}}
{{- $text := toString . -}}
{{- if regexMatch "^[0-9]+m$" $text -}}
{{- trimSuffix "m" $text | int64 -}}
{{- else if regexMatch "^[0-9]+(\\.[0-9]+)?$" $text -}}
{{- mulf ($text | float64) 1000 | int64 -}}
{{- end -}}
{{- end -}}

{{/* Milliseconds of a route file's duration such as 25s. */}}
{{- define "headgate.milliseconds" -}}
{{- $text := toString . -}}
{{- if regexMatch "^[0-9]+(\\.[0-9]+)?(ms|s|m|h)$" $text -}}
{{- $unit := regexFind "(ms|s|m|h)$" $text -}}
{{- mulf (trimSuffix $unit $text | float64) (get (dict "ms" 1 "s" 1000 "m" 60000 "h" 3600000) $unit) | int64 -}}
{{- end -}}
{{- end -}}
