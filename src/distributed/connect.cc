// Worker or observer.
#include "distributed/connect.h"

#include "distributed/observer.h"
#include "distributed/worker.h"

namespace ngd::distributed {

RunMaker runs_on(Connection connection) {
  return [connection](const RunInputs &inputs) -> std::unique_ptr<TrainingRun> {
    if (connection.client->number("worker") != 0) return std::make_unique<Worker>(connection, inputs);
    return std::make_unique<Observer>(connection, inputs);
  };
}

}  // namespace ngd::distributed
