import packageJson from "../../package.json" with { type: "json" };

/** The version of orun, as package.json has it. */
export const VERSION: string = packageJson.version;
