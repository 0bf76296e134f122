import assert from "node:assert/strict";
import { BROWSER_PUSH_HOSTS, isPushAddress, parsePushHosts } from "./push_hosts.ts";

Deno.test("isPushAddress() knows the services of browsers, and nothing else", () => {
  const hosts = parsePushHosts(BROWSER_PUSH_HOSTS);
  for (
    const address of [
      "https://fcm.googleapis.com/fcm/send/abc",
      "https://updates.push.services.mozilla.com/wpush/v2/abc",
      "https://web.push.apple.com/abc",
      "https://wns2-par02p.notify.windows.com/w/?token=abc",
    ]
  ) assert.ok(isPushAddress(hosts, address), address);
  for (
    const address of [
      "http://fcm.googleapis.com/fcm/send/abc",
      "https://fcm.googleapis.com:8443/fcm/send/abc",
      "https://fcm.googleapis.com.elsewhere.example/",
      "https://elsewhere.example/fcm.googleapis.com",
      "https://fcm.googleapis.com@elsewhere.example/",
      "https://user:secret@fcm.googleapis.com/",
      "https://notify.windows.com/",
      "https://evilnotify.windows.com.example/",
      "https://127.0.0.1/",
      "https://[::1]/",
      "https://169.254.169.254/latest/meta-data",
      "https://localhost/",
      "file:///etc/passwd",
      "not an address",
    ]
  ) assert.ok(!isPushAddress(hosts, address), address);
});

Deno.test("parsePushHosts() takes ports and plain HTTP when they are named, and refuses what is no host", () => {
  const hosts = parsePushHosts("http://127.0.0.1:9009, push.example.org");
  assert.ok(isPushAddress(hosts, "http://127.0.0.1:9009/push/1"));
  assert.ok(!isPushAddress(hosts, "http://127.0.0.1:9010/push/1"));
  assert.ok(!isPushAddress(hosts, "https://127.0.0.1:9009/push/1"));
  assert.ok(isPushAddress(hosts, "https://push.example.org/1"));
  assert.deepEqual(parsePushHosts("none"), []);
  for (
    const bad of ["https://push.example.org/path", "user@push.example.org", "*", "ftp://push.example.org"]
  ) {
    assert.throws(() => parsePushHosts(bad), TypeError);
  }
});
