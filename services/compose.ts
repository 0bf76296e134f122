/** Every service of Rondo, put together for one process. */
import { fileURLToPath } from "node:url";
import { createStaticHandler } from "../web/server.ts";
import { createApi } from "./api/app.ts";
import { apiOptions } from "./api/options.ts";
import { createAssistant } from "./assistant/app.ts";
import { endpointOf } from "./assistant/options.ts";
import { createAudit } from "./audit/app.ts";
import { createNotifications } from "./notifications/app.ts";
import { pushOptions } from "./notifications/options.ts";
import { createRealtime } from "./realtime/app.ts";
import { createRecurrence } from "./recurrence/app.ts";
import { createRelay } from "./relay/app.ts";
import { createReminders } from "./reminders/app.ts";
import type { Config } from "./shared/host/config.ts";
import type { Host } from "./shared/host/host.ts";
import type { Handler } from "./shared/host/serve.ts";
import { withSecurityHeaders } from "./shared/http/security.ts";
import { createWebhooks } from "./webhooks/app.ts";

export interface ComposeOptions {
  /** Where the browser sees Rondo. */
  publicUrl: string;
  /** Signs sessions. */
  secret: string;
}

/** Builds and starts every service; the answer serves them all under one origin. */
export async function startServices(host: Host, config: Config, options: ComposeOptions): Promise<Handler> {
  const { publicUrl } = options;
  const api = createApi({ ...host.dependencies("api", "rondo_api"), ...apiOptions(host, config, options) });
  const realtime = createRealtime(host.dependencies("realtime", "rondo_realtime"));
  const assistant = createAssistant({
    ...host.dependencies("assistant", "rondo_assistant"),
    publicUrl,
    endpoint: endpointOf(config),
  });
  await host.start([
    api,
    createRelay(host.dependencies("relay", "rondo_relay")),
    createRecurrence(host.dependencies("recurrence", "rondo_recurrence")),
    createReminders(host.dependencies("reminders", "rondo_reminders")),
    createNotifications({
      ...host.dependencies("notifications", "rondo_notifications"),
      publicUrl,
      smtpUrl: config.SMTP_URL,
      mailFrom: config.SMTP_FROM,
      push: pushOptions(config),
    }),
    createAudit(host.dependencies("audit", "rondo_audit")),
    createWebhooks({
      ...host.dependencies("webhooks", "rondo_webhooks"),
      // All of this process would have to be open to the world: see permissions.ts.
      allowPublic: config.WEBHOOKS_ALLOW_PUBLIC ?? false,
      allowPrivate: config.WEBHOOKS_ALLOW_PRIVATE,
    }),
    realtime,
    assistant,
  ]);
  const web = createStaticHandler({ dist: fileURLToPath(new URL("../web/dist/", import.meta.url)) });
  const secure = publicUrl.startsWith("https:");
  return async (request, connection) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/api/stream") {
      return withSecurityHeaders(await realtime.fetch(request, connection), { secure });
    }
    if (/^\/(mcp|api\/chat)(\/|$)/.test(pathname)) return await assistant.fetch(request, connection);
    // The api answers for the whole process: its health is everybody's here.
    if (/^\/(api\/|health$|ready$|metrics$|internal\/)/.test(pathname)) {
      return await api.fetch(request, connection);
    }
    return withSecurityHeaders(await web(request), { secure });
  };
}
