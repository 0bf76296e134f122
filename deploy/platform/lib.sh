# What the scripts that bring Rondo to a cluster share; sourced, not run.
# shellcheck shell=bash

# Pinned: each is what Rondo was tested with, or the newest of its line when it was.
DAPR=1.18.3
STRIMZI=1.2.0
CERT_MANAGER=v1.21.2
ENVOY_GATEWAY=v1.9.1
PROMETHEUS_OPERATOR=v0.92.0

STARTED=$SECONDS

step() {
  printf '\n== %s (%s s)\n' "$1" "$((SECONDS - STARTED))"
}

finished() {
  printf '\n%s (%s s)\n' "$1" "$((SECONDS - STARTED))"
}

# need <program> <where to get it>
need() {
  if ! command -v "$1" > /dev/null; then
    echo "$1 is not installed: $2" >&2
    exit 1
  fi
}

# until_true <seconds> <what> <command …>
until_true() {
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    if ((SECONDS > deadline)); then
      echo "Gave up waiting until $what" >&2
      return 1
    fi
    sleep 5
  done
}

nodes_ready() {
  local ready
  ready=$(kubectl get nodes --no-headers 2> /dev/null | awk '$2 == "Ready"' | wc -l)
  ((ready >= 2))
}

# The names of Rondo's images, as the Dockerfile has them.
images() {
  sed -n 's/^FROM runtime AS //p' deploy/images/Dockerfile
}

# release <name> <namespace> <chart> <version> [option …]
release() {
  local name=$1 namespace=$2 chart=$3 version=$4
  shift 4
  helm upgrade --install "$name" "$chart" --version "$version" --namespace "$namespace" --create-namespace \
    --wait --timeout 10m "$@"
}

# platform small|free: what Rondo stands on. The values say what each may take.
platform() {
  local values=deploy/platform
  step "Install Dapr $DAPR"
  release dapr dapr-system dapr "$DAPR" --repo https://dapr.github.io/helm-charts --values "$values/dapr.yaml"
  # The chart knows three schedulers or none, and each of them waits for the others that it is told of.
  npx -y deno@2.9.6 task operate prepare dapr

  step "Install cert-manager $CERT_MANAGER"
  release cert-manager cert-manager oci://quay.io/jetstack/charts/cert-manager "$CERT_MANAGER" \
    --values "$values/cert-manager.yaml"

  step "Install Envoy Gateway $ENVOY_GATEWAY"
  release envoy-gateway envoy-gateway-system oci://docker.io/envoyproxy/gateway-helm "$ENVOY_GATEWAY" \
    --values "$values/envoy-gateway.yaml"
  kubectl apply --kustomize kustomize/platform/gateway-class

  step "Install Strimzi $STRIMZI"
  release strimzi strimzi oci://quay.io/strimzi-helm/strimzi-kafka-operator "$STRIMZI" \
    --values "$values/strimzi.yaml"

  step "Install what watches: Prometheus's operator $PROMETHEUS_OPERATOR, Loki, the collector"
  kubectl apply --server-side --filename \
    "https://github.com/prometheus-operator/prometheus-operator/releases/download/$PROMETHEUS_OPERATOR/bundle.yaml"
  kubectl --namespace default rollout status deployment/prometheus-operator --timeout 300s
  if [[ $1 == free ]]; then kubectl apply --server-side --kustomize kustomize/monitoring; fi
}
