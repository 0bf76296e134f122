variables {
  nodes          = 2
  ocpus          = 1
  memory_gb      = 6
  boot_volume_gb = 50
  volumes        = [50, 50]
  enforced       = true
}

run "what_is_free_is_taken_to_the_last" {
  command = plan
  assert {
    condition     = output.taken.ocpus == 2 && output.taken.memory_gb == 12 && output.taken.disk_gb == 200
    error_message = "Two nodes and two volumes are what is free."
  }
}

run "small_claims_count_as_the_smallest_volume" {
  command = plan
  variables { volumes = [1, 10] }
  assert {
    condition     = output.taken.disk_gb == 200
    error_message = "A claim of 1 GB is a volume of 50 GB."
  }
}

run "a_third_volume_is_refused" {
  command = plan
  variables { volumes = [50, 50, 1] }
  expect_failures = [output.taken]
}

run "a_core_more_is_refused" {
  command = plan
  variables { ocpus = 2 }
  expect_failures = [output.taken]
}

run "more_memory_is_refused" {
  command = plan
  variables { memory_gb = 8 }
  expect_failures = [output.taken]
}

run "who_pays_may_have_more" {
  command = plan
  variables {
    ocpus    = 4
    enforced = false
  }
  assert {
    condition     = output.taken.ocpus == 8
    error_message = "It is counted all the same."
  }
}
