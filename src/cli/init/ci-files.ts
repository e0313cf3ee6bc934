import type { StarterFile } from "./starter.ts";

/** Where continuous integration runs. Gitea and Forgejo read GitHub's files too. */
export const CI_HOSTS = ["github", "gitlab", "none"] as const;
export type CiHost = (typeof CI_HOSTS)[number];

const PURPOSE = "runs 'orun validate' on every push";

/** The file with which a Git host checks the manifests of every push. It gets the executable from where two variables say. */
export function ciFiles(host: CiHost): StarterFile[] {
  switch (host) {
    case "github":
      return [{ path: ".github/workflows/orun.yaml", purpose: PURPOSE, text: GITHUB }];
    case "gitlab":
      return [{ path: ".gitlab-ci.yml", purpose: PURPOSE, text: GITLAB }];
    case "none":
      return [];
  }
}

const GITHUB = `# Checks the manifests of every push and pull request, and marks mistakes at their lines. GitHub, Gitea and Forgejo run it.
#
# It needs two variables of the repository (Settings, Actions, Variables):
#   ORUN_URL     where the executable orun-linux-x64 can be downloaded
#   ORUN_SHA256  its checksum, from SHA256SUMS
name: orun
on: [push, pull_request]
permissions:
  contents: read
jobs:
  validate:
    runs-on: ubuntu-latest
    timeout-minutes: 5
    steps:
      - uses: actions/checkout@v4
      - name: Get orun
        env:
          ORUN_URL: \${{ vars.ORUN_URL }}
          ORUN_SHA256: \${{ vars.ORUN_SHA256 }}
        run: |
          test -n "$ORUN_URL" || { echo "::error::set the variables ORUN_URL and ORUN_SHA256 of this repository"; exit 1; }
          curl -fsSL --retry 3 -o "$RUNNER_TEMP/orun" "$ORUN_URL"
          echo "$ORUN_SHA256  $RUNNER_TEMP/orun" | sha256sum --check
          chmod +x "$RUNNER_TEMP/orun"
      - name: Validate
        run: '"$RUNNER_TEMP/orun" validate --format github'
`;

const GITLAB = `# Checks the manifests of every push and merge request.
#
# It needs two variables (Settings, CI/CD, Variables):
#   ORUN_URL     where the executable orun-linux-x64 can be downloaded
#   ORUN_SHA256  its checksum, from SHA256SUMS
validate:
  image: debian:stable-slim
  script:
    - test -n "$ORUN_URL" || { echo "set the variables ORUN_URL and ORUN_SHA256 of this project"; exit 1; }
    - apt-get update -qq && apt-get install -qq -y --no-install-recommends ca-certificates curl
    - curl -fsSL --retry 3 -o /usr/local/bin/orun "$ORUN_URL"
    - echo "$ORUN_SHA256  /usr/local/bin/orun" | sha256sum --check
    - chmod +x /usr/local/bin/orun
    - orun validate
`;
