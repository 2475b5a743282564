"""The completion script of each shell; `completions/` holds them as files."""

from __future__ import annotations

SHELLS = ("bash", "zsh", "fish")

_BASH = r"""
# Completion of kt for bash. `kt completion install bash` installs it.
_kt_completion() {
    local line cut
    local -a lines=()
    COMPREPLY=()
    while IFS= read -r line; do
        lines+=("$line")
    done < <(_KT_COMPLETE=bash "$1" "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    if [[ ${lines[0]-} == $'\001files' ]]; then
        compopt -o filenames 2>/dev/null
        while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$2")
        return
    fi
    for line in "${lines[@]}"; do
        cut=${line%%$'\t'*}
        # Of several candidates readline lists the lines and inserts their common beginning alone;
        # menu-complete (37) and insert-completions (42) would insert a whole line.
        if (( ${#lines[@]} > 1 )) && [[ ${COMP_TYPE-} != 37 && ${COMP_TYPE-} != 42 ]] &&
            [[ -n ${line#*$'\t'} ]]; then
            cut="$cut  (${line#*$'\t'})"
        fi
        COMPREPLY+=("$cut")
    done
}
complete -o nosort -F _kt_completion kt 2>/dev/null || complete -F _kt_completion kt
"""

_ZSH = r"""
#compdef kt
# Completion of kt for zsh. `kt completion install zsh` installs it.
_kt_completion() {
    local line
    local -a lines shown
    local -x _KT_COMPLETE=zsh
    lines=("${(@f)$("${words[1]}" "${(@Q)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)}")
    if [[ ${lines[1]} == $'\001files' ]]; then
        _files
        return
    fi
    for line in "${lines[@]}"; do
        [[ -n $line ]] && shown+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
    done
    (( ${#shown} )) && _describe -V kt shown -U
}
if [[ ${zsh_eval_context[-1]} == loadautofunc ]]; then
    _kt_completion "$@"
else
    compdef _kt_completion kt
fi
"""

_FISH = r"""
# Completion of kt for fish. `kt completion install fish` installs it.
function __kt_completion
    set -l words (commandline -opc)
    set -l begun (commandline -ct)
    set -l lines (env _KT_COMPLETE=fish $words[1] $words[2..-1] "$begun" 2>/dev/null)
    if test "$lines[1]" = \x01files
        __fish_complete_path "$begun"
        return
    end
    printf '%s\n' $lines
end
complete --command kt --no-files --keep-order --arguments '(__kt_completion)'
"""

_SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def script(shell: str) -> str:
    """The completion script of a shell of SHELLS."""
    return _SCRIPTS[shell].lstrip("\n")
