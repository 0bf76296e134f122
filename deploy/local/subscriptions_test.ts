import assert from "node:assert/strict";
import { createAudit } from "../../services/audit/app.ts";
import { createNotifications } from "../../services/notifications/app.ts";
import { createRealtime } from "../../services/realtime/app.ts";
import { createRecurrence } from "../../services/recurrence/app.ts";
import { createReminders } from "../../services/reminders/app.ts";
import { systemClock } from "../../services/shared/domain/time.ts";
import { createWebhooks } from "../../services/webhooks/app.ts";
import type { ServiceDependencies } from "../../services/shared/http/app.ts";
import type { Service, Subscription } from "../../services/shared/runtime/ports.ts";
import { connect } from "../../services/shared/store/database.ts";
import { createMetrics } from "../../services/shared/telemetry/metrics.ts";
import { createFakeRuntime, createQuietLog } from "../../services/shared/testing/fake_runtime.ts";
import { readBase } from "./resources.ts";

const CONSUMERS: Record<string, (dependencies: ServiceDependencies) => Service> = {
  recurrence: createRecurrence,
  reminders: createReminders,
  notifications: (dependencies) => createNotifications({ ...dependencies, publicUrl: "http://localhost" }),
  audit: createAudit,
  realtime: createRealtime,
  webhooks: (dependencies) => createWebhooks({ ...dependencies, allowPublic: false, allowPrivate: false }),
};

Deno.test("the cluster's files subscribe each service to what its code takes", async () => {
  const base = await readBase();
  // It connects to nothing before it is asked something.
  const sql = connect({ url: "postgres://nobody@127.0.0.1:1/none", name: "none", max: 1 });
  try {
    for (const [name, create] of Object.entries(CONSUMERS)) {
      const taken: Subscription[] = [];
      create({
        sql,
        runtime: { ...createFakeRuntime(), subscribe: (subscription) => void taken.push(subscription) },
        log: createQuietLog(),
        metrics: createMetrics(),
        clock: systemClock,
      });
      const inCode = taken.map(({ topic, broadcast }) => `${broadcast ? "broadcast" : "pubsub"} ${topic}`);
      const inFiles = base.filter(({ kind, scopes }) => kind === "Subscription" && scopes?.includes(name))
        .map(({ spec }) => spec as { pubsubname: string; topic: string })
        .map(({ pubsubname, topic }) => `${pubsubname} ${topic}`);
      assert.deepEqual(inFiles.sort(), inCode.sort(), name);
    }
  } finally {
    await sql.end();
  }
});
