/** `orun completion SHELL`: a script that completes the commands. */
export function completion(
  shell: string,
  commands: readonly { name: string; description: string }[],
): number {
  const names = commands.map((command) => command.name).join(" ");
  switch (shell) {
    case "bash":
      process.stdout.write(
        `_orun() { [ "$COMP_CWORD" -eq 1 ] && COMPREPLY=($(compgen -W "${names}" -- "\${COMP_WORDS[1]}")); }\ncomplete -o default -F _orun orun\n`,
      );
      return 0;
    case "zsh":
      process.stdout.write(
        `#compdef orun\n_arguments '1: :((${commands.map(({ name, description }) => `${name}\\:"${description.replace(/["':]/g, "")}"`).join(" ")}))' '*: :_files'\n`,
      );
      return 0;
    case "fish":
      for (const { name, description } of commands)
        process.stdout.write(
          `complete -c orun -n __fish_use_subcommand -a ${name} -d '${description.replace(/'/g, "")}'\n`,
        );
      return 0;
    default:
      throw new Error(`no completion for '${shell}': there is bash, zsh and fish`);
  }
}
