{{- define "antiphase.name" -}}
{{- if contains "antiphase" .Release.Name }}{{ .Release.Name }}{{ else }}{{ .Release.Name }}-antiphase{{ end }}
{{- end }}

{{- define "antiphase.select" -}}
app.kubernetes.io/name: antiphase
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "antiphase.labels" -}}
{{ include "antiphase.select" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "antiphase.image" -}}
{{- with .Values.image -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{- define "antiphase.pod" -}}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
serviceAccountName: {{ .Values.serviceAccount.name }}
# Only the container that asks for the node's address has a token, mounted by itself.
automountServiceAccountToken: false
# Variables that Kubernetes makes of service names must not look like settings of ours.
enableServiceLinks: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets: {{ toJson . }}
{{- end }}
{{- end }}

{{- define "antiphase.closed" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{/* Writes the external address of this node to /run/antiphase/address. */}}
{{- define "antiphase.address" -}}
- name: address
  image: {{ include "antiphase.image" . }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  command: [python3, /opt/antiphase/node_address.py, /run/antiphase/address]
  env:
    - name: NODE_NAME
      valueFrom: {fieldRef: {fieldPath: spec.nodeName}}
  resources:
    requests: {cpu: 50m, memory: 32Mi}
    limits: {memory: 64Mi}
  {{- include "antiphase.closed" . | nindent 2 }}
  volumeMounts:
    - {name: address, mountPath: /run/antiphase}
    - {name: token, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true}
{{- end }}

{{- define "antiphase.addressVolumes" -}}
- name: address
  emptyDir: {sizeLimit: 1Mi, medium: Memory}
- name: token
  projected:
    sources:
      - serviceAccountToken: {path: token, expirationSeconds: 3600}
      - configMap:
          name: kube-root-ca.crt
          items: [{key: ca.crt, path: ca.crt}]
{{- end }}
