/** What the board and the calendar have in common: a line to add tasks, and the state of their loading. */
import type { ComponentChildren, JSX } from "preact";
import { failure } from "../model/wording.ts";
import { useApp } from "./context.ts";
import { QuickAddRow } from "./quickadd.tsx";
import { Failed, Skeleton } from "./states.tsx";

/** Shows `children` once the tasks are there. */
export function WideTasks({ children }: { children: ComponentChildren }): JSX.Element {
  const app = useApp();
  const load = app.tasksLoad.value;
  return (
    <>
      <div class="wide-add">
        <QuickAddRow />
      </div>
      {load.state === "failed"
        ? (
          <Failed
            title="Your tasks could not be loaded"
            detail={failure(load.error, "Nothing was lost.")}
            retry={() => void app.loadTasks()}
          />
        )
        : load.state !== "ready"
        ? <Skeleton rows={6} />
        : children}
    </>
  );
}
