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
