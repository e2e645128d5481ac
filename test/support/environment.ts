// Tests read what programs print, so these must print the same wherever tests run: a terminal, a pipe, continuous
// integration. What these variables do has tests of its own, which say their values.
for (const name of ["FORCE_COLOR", "NO_COLOR", "QANAT_KEEP_CODE"]) delete process.env[name];
