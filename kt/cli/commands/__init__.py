"""One file per command or small group: options, calls of steps, output. No command imports another;
code that two commands need goes to `kt/cli/support`, decisions go to `kt/steps`."""
