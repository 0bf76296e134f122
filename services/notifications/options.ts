/** The options for web push out of the settings. */
import { type Config, StartError } from "../shared/host/config.ts";
import type { NotificationsOptions } from "./app.ts";

/** Undefined when web push is turned off. @throws StartError when only half of the key pair is given */
export function pushOptions(config: Config): NotificationsOptions["push"] {
  const { PUSH_HOSTS: hosts, VAPID_PUBLIC_KEY, VAPID_PRIVATE_KEY, VAPID_SUBJECT: subject } = config;
  if ((VAPID_PUBLIC_KEY === undefined) !== (VAPID_PRIVATE_KEY === undefined)) {
    throw new StartError("VAPID_PUBLIC_KEY and VAPID_PRIVATE_KEY must be set together");
  }
  if (hosts.length === 0) return undefined;
  const keys = VAPID_PUBLIC_KEY === undefined || VAPID_PRIVATE_KEY === undefined
    ? undefined
    : { publicKey: VAPID_PUBLIC_KEY, privateKey: VAPID_PRIVATE_KEY };
  return { hosts, keys, subject };
}
