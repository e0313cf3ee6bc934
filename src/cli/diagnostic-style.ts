import type { Style } from "../manifest/diagnostic.ts";
import type { Paint } from "./terminal.ts";

/** How findings are coloured. */
export function diagnosticStyle(paint: Paint): Style {
  return (part, text) => {
    switch (part) {
      case "location":
        return paint("bold", text);
      case "error":
      case "caret":
        return paint("red", text);
      case "warning":
        return paint("yellow", text);
      case "gutter":
        return paint("dim", text);
    }
  };
}
