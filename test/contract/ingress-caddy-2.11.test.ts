import { ingressSuite } from "./ingress-suite.ts";

ingressSuite("2.11");
