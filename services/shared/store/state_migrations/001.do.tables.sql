-- The sidecar's component makes its tables by itself, and migrates them with its own versions.
grant create on schema dapr to rondo_dapr;
