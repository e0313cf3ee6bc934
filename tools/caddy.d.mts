export declare function caddyProgram(version: "2.6" | "2.11"): string;
export declare function fetchCaddy(versions: readonly ("2.6" | "2.11")[]): void;
