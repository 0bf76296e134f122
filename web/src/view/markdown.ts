/** Notes as they are shown: Markdown, and of its HTML only what a text needs. Fetched when first used. */
import DOMPurify from "dompurify";
import { Marked } from "marked";

const marked = new Marked({ gfm: true, breaks: true });

const TAGS = [
  "a",
  "blockquote",
  "br",
  "code",
  "del",
  "em",
  "h1",
  "h2",
  "h3",
  "h4",
  "hr",
  "input",
  "li",
  "ol",
  "p",
  "pre",
  "strong",
  "table",
  "tbody",
  "td",
  "th",
  "thead",
  "tr",
  "ul",
];

/** Markdown to a fragment without scripts, styles, images or anything else that would ask another server. */
export function renderMarkdown(text: string): DocumentFragment {
  const html = marked.parse(text, { async: false });
  const fragment = DOMPurify.sanitize(html, {
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ["href", "title", "type", "checked", "disabled", "start"],
    RETURN_DOM_FRAGMENT: true,
  });
  for (const link of fragment.querySelectorAll("a")) {
    link.target = "_blank";
    link.rel = "noopener noreferrer nofollow";
  }
  for (const box of fragment.querySelectorAll("input")) {
    // A list's tick box shows what the text says; any other input is nothing a note should hold.
    if (box.type === "checkbox") {
      box.disabled = true;
      box.ariaLabel = box.parentElement?.textContent?.trim() || "Item";
    } else box.remove();
  }
  for (const block of fragment.children) block.setAttribute("dir", "auto");
  return fragment;
}
