// A process that evaluates trials: it reads what to train on its standard input and answers on its standard output.
//
// Lines of JSON. First a plan, answered by {"ready":true} or {"error":TEXT,"code":N}. Then requests
//   {"job":0,"model":SPEC,"optimizer":SPEC,"trainer":SPEC,"seeds":[1,2],"rows":"held_out","reports":true}
// answered by {"step":1,"value":0.5} after each epoch when there are reports, to which a line "go" or "stop" comes, and by
//   {"losses":[0.4],"accuracies":[0.9],"gradients":5000} or {"failed":TEXT,"gradients":200}.
#pragma once

namespace cli {

// Works until its input ends; returns the exit code.
int search_worker();

}  // namespace cli
