{{/* Labels of every object: (dict "app" NAME "context" $). */}}
{{- define "pgweir.labels" -}}
app: {{ .app }}
helm.sh/chart: {{ printf "%s-%s" .context.Chart.Name .context.Chart.Version }}
app.kubernetes.io/managed-by: {{ .context.Release.Service }}
app.kubernetes.io/instance: {{ .context.Release.Name }}
{{- end }}

{{/* Environment: the chart's own entries, of which the extra ones replace those of their name. (dict "own" LIST "extra" LIST) */}}
{{- define "pgweir.env" -}}
{{- $replaced := dict -}}
{{- range .extra }}{{- $_ := set $replaced .name true -}}{{- end -}}
{{- $all := list -}}
{{- range .own }}{{- if not (hasKey $replaced .name) }}{{- $all = append $all . -}}{{- end -}}{{- end -}}
{{- toYaml (concat $all .extra) -}}
{{- end }}

{{- define "pgweir.podSecurity" -}}
fsGroup: 1001
runAsNonRoot: true
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "pgweir.image" -}}
image: {{ printf "%s:%v" .repository .tag | quote }}
imagePullPolicy: {{ .pullPolicy }}
{{- end }}

{{/* Where pods are put: the values of postgresql or pgweir. */}}
{{- define "pgweir.placement" -}}
{{- with .affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .topologySpreadConstraints }}
topologySpreadConstraints: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The first servers, which others ask for the primary. */}}
{{- define "pgweir.partners" -}}
{{- $names := list -}}
{{- range $i := until (int .Values.postgresql.replicas) -}}
{{- $names = append $names (printf "postgres-sts-%d.postgres-headless-svc.$(REPMGR_NAMESPACE).svc.cluster.local" $i) -}}
{{- end -}}
{{- join "," $names -}}
{{- end }}

{{/* The same in pgpool's form. */}}
{{- define "pgweir.backendNodes" -}}
{{- $names := list -}}
{{- range $i := until (int .Values.postgresql.replicas) -}}
{{- $names = append $names (printf "%d:postgres-sts-%d.postgres-headless-svc:5432" $i $i) -}}
{{- end -}}
{{- join "," $names -}}
{{- end }}

{{/* A random Secret that upgrades keep: (dict "name" "keys" "app" "context"). */}}
{{- define "pgweir.secret" -}}
{{- $old := (lookup "v1" "Secret" .context.Release.Namespace .name) | default dict -}}
{{- $data := (get $old "data") | default dict -}}
apiVersion: v1
kind: Secret
metadata:
  name: {{ .name }}
  labels: {{- include "pgweir.labels" . | nindent 4 }}
  annotations:
    helm.sh/resource-policy: keep
data:
  {{- range .keys }}
  {{ . }}: {{ get $data . | default (randAlphaNum 24 | b64enc) | quote }}
  {{- end }}
{{- end }}

{{/* What servers and pgweir may reach: servers, and names. */}}
{{- define "pgweir.egressToServers" -}}
- to:
    - podSelector:
        matchLabels:
          app: postgres
  ports:
    - port: 5432
      protocol: TCP
- to:
    - namespaceSelector: {}
      podSelector:
        matchLabels:
          k8s-app: kube-dns
  ports:
    - port: 53
      protocol: UDP
    - port: 53
      protocol: TCP
{{- end }}
