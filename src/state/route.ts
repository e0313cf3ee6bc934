/** One host name, and the deployment that answers it: what a Service of SPEC 2 comes to in one environment. */
export interface Route {
  /** Name of the Service; unique within its environment. */
  service: string;
  environment: string;
  deployment: string;
  host: string;
  /** Automatic certificate, and a redirect from HTTP. */
  ssl: boolean;
  /** The container port that answers. */
  port: number;
}

/** The Node's `ingress`, with its defaults (SPEC 2). */
export interface IngressSettings {
  image: string;
  httpPort: number;
  httpsPort: number;
  acme: { email: string | null; ca: string | null; caRoot: string | null };
}
