/** E-mail over SMTP: what a message holds, and whether a refusal is final. */
import { createTransport } from "nodemailer";

export interface MailOptions {
  /** `smtp://user:password@host:port` or `smtps://…` */
  smtpUrl: string;
  /** The sender's address, such as `Rondo <rondo@example.org>`. */
  from: string;
}

/** One message to one person. */
export interface Mail {
  /** The delivery's id: it becomes the Message-ID, the same for every attempt, so that a reader can drop a second. */
  deliveryId: string;
  to: { name: string; email: string };
  title: string;
  body: string;
  /** Where the task is. */
  link: string;
}

export type MailResult = { ok: true } | { ok: false; final: boolean; error: string };

export interface Mailer {
  /** Never rejects: a refusal is an answer. */
  send(mail: Mail): Promise<MailResult>;
  close(): void;
}

/** A mailer over a pool of connections that are opened when needed and closed when idle. */
export function createMailer(options: MailOptions): Mailer {
  const transport = createTransport({
    url: options.smtpUrl,
    pool: true,
    maxConnections: 4,
    idleTimeout: 10_000,
    connectionTimeout: 10_000,
    greetingTimeout: 10_000,
    socketTimeout: 30_000,
    // A message is text of ours: nothing in it may make the mailer read a file or an address.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    async send(mail) {
      try {
        await transport.sendMail(message(mail, options.from));
        return { ok: true };
      } catch (cause) {
        return { ok: false, ...judge(cause) };
      }
    },
    close: () => transport.close(),
  };
}

/** The message as nodemailer takes it: addresses as objects and headers without control characters, so none can be smuggled in. */
function message({ deliveryId, to, title, body, link }: Mail, from: string) {
  const subject = oneLine(title);
  return {
    messageId: `<${deliveryId}@rondo>`,
    from,
    to: { name: oneLine(to.name), address: oneLine(to.email) },
    subject,
    text: `${subject}\n${body}\n\nOpen the task: ${link}\n`,
    html: `<p><strong>${escapeHtml(subject)}</strong><br>${escapeHtml(body)}</p>` +
      `<p><a href="${escapeHtml(link)}">Open the task</a></p>`,
    // Automatic replies are for people (RFC 3834).
    headers: { "Auto-Submitted": "auto-generated" },
  };
}

/** A 5xx to the envelope or the message is the server's last word (RFC 5321, 4.2.1); anything else may pass. */
function judge(cause: unknown): { final: boolean; error: string } {
  const { code, responseCode } = cause as { code?: unknown; responseCode?: unknown };
  const refused = code === "EENVELOPE" || code === "EMESSAGE";
  const final = refused && (typeof responseCode !== "number" || responseCode >= 500);
  return { final, error: oneLine(cause instanceof Error ? cause.message : String(cause)).slice(0, 500) };
}

/** Control characters (line ends above all) and what Unicode counts as line ends become spaces. */
const oneLine = (text: string): string => text.replace(/[\p{Cc}\u2028\u2029]+/gu, " ").trim();

const ENTITIES: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
const escapeHtml = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? "");
