/** A text that is edited in place and saved when it is left, however it is left. */
import { useEffect, useRef, useState } from "preact/hooks";

export interface Draft {
  /** Null while nothing is edited. */
  text: string | null;
  /** Goes on editing; null gives the draft up. */
  write: (text: string | null) => void;
  /** Ends editing and saves what was written. */
  finish: () => void;
}

export function useDraft(save: (text: string) => void): Draft {
  const [text, setText] = useState<string | null>(null);
  /** What is not saved yet; apart from the state, as a blur and the end of the field may both come. */
  const pending = useRef<string | null>(null);
  const saving = useRef(save);
  saving.current = save;
  const write = (next: string | null) => {
    pending.current = next;
    setText(next);
  };
  const finish = () => {
    const written = pending.current;
    write(null);
    if (written !== null) saving.current(written);
  };
  // Not every browser sends a blur to a field that is removed, and none when the page ends.
  useEffect(() => {
    addEventListener("pagehide", finish);
    return () => {
      removeEventListener("pagehide", finish);
      finish();
    };
  }, []);
  return { text, write, finish };
}
