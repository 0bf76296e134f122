/** Who is signed in, and what they prefer. */
import { batch, computed, signal } from "@preact/signals";
import type { Rondo } from "../api/rondo.ts";
import { ApiError, isAway, randomId } from "../api/client.ts";
import type { Me, Preferences, Profile, ProfilePatch } from "../api/types.ts";
import { asBefore } from "./answers.ts";

export type Session =
  | { state: "unknown" }
  | { state: "failed"; error: unknown }
  | { state: "signed-out"; expired: boolean }
  | { state: "signed-in"; me: Me };

/** Mirrors the contract's defaults for the moments before the profile is known. */
const DEFAULTS: Preferences = {
  channels: { inApp: true, email: false, push: false },
  quietHours: { enabled: false, from: "22:00", to: "07:00" },
  theme: "system",
  density: "comfortable",
  weekStart: "monday",
};

export function mergeProfile(me: Me, patch: ProfilePatch): Me {
  const { preferences } = patch;
  return {
    ...me,
    name: patch.name ?? me.name,
    timeZone: patch.timeZone ?? me.timeZone,
    preferences: {
      ...me.preferences,
      ...preferences,
      channels: { ...me.preferences.channels, ...preferences?.channels },
      quietHours: { ...me.preferences.quietHours, ...preferences?.quietHours },
    },
  };
}

export interface SessionOptions {
  /** Called before a user leaves by choice: what this browser holds of them goes. */
  leave?: () => Promise<void>;
  /** The profile with the settings that wait to be sent. */
  shown?: (me: Me) => Me;
  offline?: () => boolean;
  /** Keeps settings until there is a connection. */
  keep?: (patch: ProfilePatch, key: string) => void;
}

export function createSession(rondo: Rondo, browserZone: string, options: SessionOptions = {}) {
  const session = signal<Session>({ state: "unknown" });
  const { shown = (me: Me) => me, offline = () => false } = options;
  /** As the server said it. */
  const known = computed(() => session.value.state === "signed-in" ? session.value.me : null);
  const me = computed(() => known.value === null ? null : shown(known.value));

  async function load(): Promise<void> {
    try {
      session.value = { state: "signed-in", me: await rondo.me() };
    } catch (error) {
      const known = session.peek().state === "signed-in" || session.peek().state === "signed-out";
      if (error instanceof ApiError && error.status === 401) {
        if (!known) session.value = { state: "signed-out", expired: false };
      } else if (!known) session.value = { state: "failed", error };
    }
  }

  return {
    session: computed(() => session.value),
    me,
    known,
    timeZone: computed(() => me.value?.timeZone ?? browserZone),
    preferences: computed(() => me.value?.preferences ?? DEFAULTS),
    load,
    async signIn(email: string, password: string): Promise<void> {
      await rondo.signIn({ email, password });
      await load();
    },
    async signUp(name: string, email: string, password: string): Promise<void> {
      await rondo.signUp({ name, email, password });
      try {
        // Dates are read in the profile's zone: a new account starts with the one it is made in.
        session.value = { state: "signed-in", me: await rondo.patchMe({ timeZone: browserZone }) };
      } catch {
        // The account exists; a zone the server does not know must not stand in its way.
        await load();
      }
      if (session.peek().state === "signed-in") await load();
    },
    async signOut(): Promise<void> {
      await rondo.signOut();
      await options.leave?.();
      session.value = { state: "signed-out", expired: false };
    },
    /** Who was signed in at the last visit, as this browser knows them; the server has the last word. */
    restore(known: Me): void {
      const { state } = session.peek();
      // The server may have been given up on before the copy was read.
      if (state === "unknown" || state === "failed") session.value = { state: "signed-in", me: known };
    },
    /** The user signed out in another tab. */
    left(): void {
      session.value = { state: "signed-out", expired: false };
    },
    /** A 401 in the middle of the work. */
    expire(): void {
      if (session.peek().state === "signed-in") session.value = { state: "signed-out", expired: true };
    },
    /** Shows `patch` at once and sends it; throws after putting the old values back. */
    async patch(patch: ProfilePatch): Promise<void> {
      const before = session.peek();
      if (before.state !== "signed-in") return;
      const key = randomId();
      if (offline() && options.keep !== undefined) return options.keep(patch, key);
      session.value = { state: "signed-in", me: mergeProfile(before.me, patch) };
      try {
        const answer = await rondo.patchMe(patch, key);
        const current = session.peek();
        if (current.state === "signed-in") {
          session.value = { state: "signed-in", me: { ...current.me, ...answer } };
        }
      } catch (error) {
        const current = session.peek();
        // Whoever was signed out meanwhile stays so.
        if (current.state === "signed-in" && current.me.id === before.me.id) {
          batch(() => {
            session.value = {
              state: "signed-in",
              me: mergeProfile(current.me, asBefore(patch, before.me)),
            };
            if (isAway(error)) options.keep?.(patch, key);
          });
        }
        if (!isAway(error) || options.keep === undefined) throw error;
      }
    },
    /** A change of the profile that came over the stream. */
    apply(profile: Profile): void {
      const current = session.peek();
      if (current.state === "signed-in") {
        session.value = { state: "signed-in", me: { ...current.me, ...profile } };
      }
    },
  };
}
export type SessionModel = ReturnType<typeof createSession>;
