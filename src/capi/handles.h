// The handles of the contract: each typedef in the public headers names one of these structs.
//
// They hold shared pointers, so that a trainer keeps alive what it works on and handles may be destroyed in any
// order.
#pragma once

#include <memory>

#include "data/dataset.h"
#include "icea/icea.h"
#include "model/model.h"
#include "optimizer/optimizer.h"
#include "search/search.h"
#include "store/safetensors.h"
#include "train/trainer.h"
#include "transport/client.h"
#include "transport/server.h"
#include "vectors/vectors.h"

struct ngd_optimizer {
  std::shared_ptr<ngd::Optimizer> object;
};
struct ngd_dataset {
  std::shared_ptr<ngd::Dataset> object;
};
struct ngd_icea {
  std::shared_ptr<ngd::Icea> object;
};
struct ngd_model {
  std::shared_ptr<ngd::Model> object;
};
struct ngd_trainer {
  std::shared_ptr<ngd::Trainer> object;
};
struct ngd_search {
  std::shared_ptr<ngd::Search> object;
};
struct ngd_checkpoint {
  std::shared_ptr<ngd::SafetensorsIndex> object;
};
struct ngd_server {
  std::shared_ptr<ngd::transport::Server> object;
};
struct ngd_client {
  std::shared_ptr<ngd::transport::Client> object;
};
struct ngd_vectors {
  std::shared_ptr<ngd::Vectors> object;
};
