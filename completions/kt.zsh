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
