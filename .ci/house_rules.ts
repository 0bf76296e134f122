/** Rondo's own lint rules: what review would otherwise have to say again and again. */

/** Temporal is the one way to tell time. (In the browser Intl formats no polyfilled Temporal, so Date may carry there.) */
const noDate: Deno.lint.Rule = {
  create: (context) =>
    /\/web\//.test(context.filename) ? {} : ({
      NewExpression(node) {
        if (node.callee.type === "Identifier" && node.callee.name === "Date") {
          context.report({
            node,
            message: "Use Temporal instead of Date",
            hint: "Take a clock as an argument",
          });
        }
      },
      MemberExpression(node) {
        if (node.object.type === "Identifier" && node.object.name === "Date") {
          context.report({ node, message: "Use Temporal instead of Date" });
        }
      },
    }),
};

/** Only a `main.ts`, an entry point or a script may end the process. */
const noExit: Deno.lint.Rule = {
  create: (context) => ({
    MemberExpression(node) {
      const ends = node.object.type === "Identifier" && node.object.name === "Deno" &&
        node.property.type === "Identifier" && node.property.name === "exit";
      if (
        ends && /\/services\/(?!shared\/host\/|permissions\.ts)/.test(context.filename) &&
        !/fuzz\//.test(context.filename)
      ) {
        context.report({ node, message: "Throw instead of ending the process" });
      }
    },
  }),
};

/** The domain is pure: no Deno, no network, no database; the one clock of the system stands in time.ts. */
const pureDomain: Deno.lint.Rule = {
  create(context) {
    const pure = /\/services\/shared\/domain\//.test(context.filename) &&
      !/_test\.ts$|\/fuzz\/|\/samples\/|testing\.ts$/.test(context.filename);
    if (!pure) return {};
    return {
      Identifier(node) {
        if (node.name === "Deno" || node.name === "fetch") {
          context.report({ node, message: "The domain does no I/O: take what it needs as an argument" });
        }
      },
      MemberExpression(node) {
        const now = context.sourceCode.getText(node).startsWith("Temporal.Now");
        if (now && !context.filename.endsWith("/time.ts")) {
          context.report({ node, message: "The domain asks a clock" });
        }
      },
      ImportDeclaration(node) {
        if (/\/(store|runtime|telemetry|http)\/|^postgres$|^node:/.test(node.source.value)) {
          context.report({ node, message: "The domain imports nothing that does I/O" });
        }
      },
    };
  },
};

/** A service knows its ports, never another service's code. */
const noForeignService: Deno.lint.Rule = {
  create(context) {
    const own =
      /\/services\/(api|relay|recurrence|reminders|notifications|audit|realtime|webhooks|assistant)\//.exec(
        context.filename,
      )?.[1];
    if (own === undefined) return {};
    return {
      ImportDeclaration(node) {
        const other =
          /^\.\.(?:\/\.\.)?\/(api|relay|recurrence|reminders|notifications|audit|realtime|webhooks|assistant)\//
            .exec(node.source.value)?.[1];
        if (other !== undefined && other !== own) {
          context.report({
            node,
            message: `Ask the ${other} service through the runtime's ports instead of importing it`,
          });
        }
      },
    };
  },
};

/** A test that is left out proves nothing. */
const noSkippedTest: Deno.lint.Rule = {
  create: (context) => ({
    MemberExpression(node) {
      const member = node.property.type === "Identifier" ? node.property.name : "";
      const object = context.sourceCode.getText(node.object);
      if (object === "Deno.test" && (member === "only" || member === "ignore")) {
        context.report({ node, message: "Every test runs" });
      }
    },
    Property(node) {
      const name = node.key.type === "Identifier" ? node.key.name : "";
      const on = node.value.type === "Literal" && node.value.value === true;
      if (on && (name === "ignore" || name === "only") && /_test\.tsx?$/.test(context.filename)) {
        context.report({ node, message: "Every test runs" });
      }
    },
  }),
};

const plugin: Deno.lint.Plugin = {
  name: "rondo",
  rules: {
    "no-date": noDate,
    "no-exit": noExit,
    "pure-domain": pureDomain,
    "no-foreign-service": noForeignService,
    "no-skipped-test": noSkippedTest,
  },
};
export default plugin;
