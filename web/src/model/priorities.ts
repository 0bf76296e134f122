import type { Colour, Priority } from "../api/types.ts";

export const PRIORITIES: readonly { value: Priority; label: string }[] = [
  { value: "urgent", label: "Urgent" },
  { value: "high", label: "High" },
  { value: "medium", label: "Medium" },
  { value: "low", label: "Low" },
];

export const priorityLabel = (value: Priority): string =>
  PRIORITIES.find((priority) => priority.value === value)?.label ?? value;

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
