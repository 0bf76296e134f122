/** placeholder, replaced below */
export function checkRule(rule: string): string | null {
  return rule.includes("FREQ=") ? null : "must hold FREQ";
}
