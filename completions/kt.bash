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
