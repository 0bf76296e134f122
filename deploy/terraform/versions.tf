terraform {
  required_version = ">= 1.5"
  # `terraform init -backend-config=backend.hcl` says which bucket; see backend.hcl.example.
  backend "s3" {}
  required_providers {
    oci = {
      source  = "oracle/oci"
      version = "~> 8.2"
    }
  }
}

provider "oci" {
  region = var.region
}

# Identity is written in the tenancy's home region alone.
provider "oci" {
  alias  = "home"
  region = var.home_region
}
