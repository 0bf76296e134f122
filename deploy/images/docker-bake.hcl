# `docker buildx bake -f deploy/images/docker-bake.hcl` builds every image for both platforms, after
# `deno task images:bundle`.
variable "PREFIX" { default = "rondo/" }
variable "TAG" { default = "dev" }

target "image" {
  name       = image
  matrix     = { image = ["api", "assistant", "audit", "notifications", "realtime", "recurrence", "relay", "reminders", "tools", "web", "webhooks"] }
  context    = "deploy/images/out"
  dockerfile = "../Dockerfile"
  target     = image
  tags       = ["${PREFIX}${image}:${TAG}"]
  platforms  = ["linux/amd64", "linux/arm64"]
  attest     = ["type=provenance,mode=max", "type=sbom"]
}

group "default" { targets = ["image"] }
