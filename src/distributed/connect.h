// Trainers on servers: what ngd_trainer_connect() makes of the runs of a trainer.
#pragma once

#include "distributed/link.h"

namespace ngd::distributed {

// Runs that are a worker's, or, where the client is none, an observer's.
RunMaker runs_on(Connection connection);

}  // namespace ngd::distributed
