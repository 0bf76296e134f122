/** The chat with the assistant, as it crosses HTTP. */
import { z } from "@hono/zod-openapi";
import { Instant, isStorable, NOT_STORABLE, Uuid } from "./task.ts";

/** Who answers: a language model, or the plain commands that are understood without one. */
export const ChatMode = z.enum(["model", "commands"]);
export type ChatMode = z.infer<typeof ChatMode>;

export const ChatInput = z.strictObject({
  message: z.string().trim().min(1).max(4_000).refine(isStorable, NOT_STORABLE),
  conversationId: Uuid.optional().openapi({ description: "Goes on with this one; absent: a new one" }),
}).openapi("ChatInput");

/** One change of a preview, in words. */
export const ChatLine = z.object({
  mark: z.enum(["add", "change", "complete", "delete"]),
  text: z.string(),
}).openapi("ChatLine");
export type ChatLine = z.infer<typeof ChatLine>;

export const ChatPreview = z.object({
  id: Uuid,
  tool: z.string(),
  title: z.string(),
  lines: z.array(ChatLine),
  /** How many changes there are beyond the lines. */
  more: z.int().min(0),
  state: z.enum(["open", "applied", "dismissed"]),
  /** Whether these are other changes than were shown first, since something was changed in between. */
  changed: z.boolean(),
}).openapi("ChatPreview");
export type ChatPreview = z.infer<typeof ChatPreview>;

export const ChatTurn = z.object({
  /** The cause of everything that this turn changed. */
  id: Uuid,
  at: Instant,
  mode: ChatMode,
  question: z.string(),
  answer: z.string(),
  state: z.enum(["running", "done", "stopped", "failed"]),
  /** The titles of the tools that were used. */
  tools: z.array(z.string()),
  previews: z.array(ChatPreview),
  /** How many changes it made. */
  changed: z.int().min(0),
  undone: z.boolean(),
}).openapi("ChatTurn");
export type ChatTurn = z.infer<typeof ChatTurn>;

export const ChatSummary = z.object({ id: Uuid, title: z.string(), updatedAt: Instant }).openapi(
  "ChatSummary",
);
export type ChatSummary = z.infer<typeof ChatSummary>;

export const Chat = ChatSummary.extend({ turns: z.array(ChatTurn) }).openapi("Chat");
export type Chat = z.infer<typeof Chat>;

/** What `GET /api/chat` gives. */
export const Chats = z.object({ mode: ChatMode, items: z.array(ChatSummary) }).openapi("Chats");

/** What an event of `POST /api/chat` carries, by its name. */
export const CHAT_EVENTS = {
  start: z.object({ conversationId: Uuid, turn: ChatTurn }),
  text: z.object({ text: z.string() }),
  tool: z.object({ title: z.string() }),
  preview: ChatPreview,
  done: z.object({ turn: ChatTurn }),
} as const;
export type ChatEvents = { [Name in keyof typeof CHAT_EVENTS]: z.infer<typeof CHAT_EVENTS[Name]> };
