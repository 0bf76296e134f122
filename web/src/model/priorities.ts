import type { Colour, Priority } from "../api/types.ts";

export const PRIORITIES: readonly { value: Priority; label: string }[] = [
  { value: "urgent", label: "Urgent" },
  { value: "high", label: "High" },
  { value: "medium", label: "Medium" },
  { value: "low", label: "Low" },
];

export const priorityLabel = (value: Priority): string =>
  PRIORITIES.find((priority) => priority.value === value)?.label ?? value;

/** A colour for a new list: the first one that no list has, so that lists can be told apart. */
export function freeColour(lists: readonly { colour: Colour; inbox: boolean }[]): Colour {
  const used = new Set(lists.filter((list) => !list.inbox).map((list) => list.colour));
  return COLOURS.find(({ value }) => value !== "grey" && !used.has(value))?.value ?? "teal";
}

export const COLOURS: readonly { value: Colour; label: string }[] = [
  { value: "grey", label: "Grey" },
  { value: "teal", label: "Teal" },
  { value: "blue", label: "Blue" },
  { value: "violet", label: "Violet" },
  { value: "rose", label: "Rose" },
  { value: "brick", label: "Brick" },
  { value: "amber", label: "Amber" },
  { value: "green", label: "Green" },
];
