/** A value to be copied, with the button that does it. */
import type { JSX } from "preact";
import { useApp } from "./context.ts";
import { copyText } from "./dom.ts";
import { Copy } from "./icons.tsx";

export function CopyLine({ value, label }: { value: string; label: string }): JSX.Element {
  const { toasts } = useApp();
  return (
    <span class="copy-line">
      <input
        class="input"
        readOnly
        value={value}
        aria-label={label}
        onFocus={(event) => event.currentTarget.select()}
      />
      <button
        type="button"
        class="button"
        aria-label={label}
        onClick={async () => {
          const copied = await copyText(value);
          toasts.show({
            text: copied ? "Copied" : "Copying is not allowed here: select the text and copy it",
          });
        }}
      >
        <Copy size={15} aria-hidden="true" /> Copy
      </button>
    </span>
  );
}
