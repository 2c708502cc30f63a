"""Every rule that PyTorch has too, against PyTorch: 100 steps with random options in float64, at 1e-12."""

import random
import unittest

import numpy as np

import ngd

try:
    import torch
except ImportError:
    raise unittest.SkipTest("PyTorch is not installed; apt-get install python3-torch")
torch.set_default_dtype(torch.float64)  # NAdam keeps the product of its momenta in the default type


def log_uniform(draw, low, high):
    return float(np.exp(draw.uniform(np.log(low), np.log(high))))


def betas(draw):
    return draw.uniform(0.1, 0.98), draw.uniform(0.5, 0.9995)


def adam_like(torch_class, rule, **fixed):
    def options(draw):
        beta1, beta2 = betas(draw)
        rate, epsilon, decay = log_uniform(draw, 1e-4, 0.1), log_uniform(draw, 1e-10, 1e-2), draw.choice([0, 0.05])
        return ({"lr": rate, "betas": (beta1, beta2), "eps": epsilon, "weight_decay": decay, **fixed},
                {"learning_rate": rate, "beta1": beta1, "beta2": beta2, "epsilon": epsilon, "weight_decay": decay})
    return torch_class, rule, options


def sgd_like(rule, nesterov):
    def options(draw):
        rate, momentum, decay = log_uniform(draw, 1e-3, 0.1), draw.uniform(0.1, 0.99), draw.choice([0, 0.05])
        dampening = 0 if nesterov else draw.choice([0, 0.4])
        return ({"lr": rate, "momentum": momentum, "dampening": dampening, "nesterov": nesterov, "weight_decay": decay},
                {"learning_rate": rate, "momentum": momentum, "dampening": dampening, "weight_decay": decay})
    return torch.optim.SGD, rule, options


def sgd(draw):
    rate, decay = log_uniform(draw, 1e-3, 0.1), draw.choice([0, 0.05])
    return {"lr": rate, "weight_decay": decay}, {"learning_rate": rate, "weight_decay": decay}


def adagrad(draw):
    rate, epsilon, begin = log_uniform(draw, 1e-3, 0.1), log_uniform(draw, 1e-10, 1e-2), draw.choice([0, 0.1])
    fall = draw.choice([0, 0.1])
    return ({"lr": rate, "eps": epsilon, "initial_accumulator_value": begin, "lr_decay": fall},
            {"learning_rate": rate, "epsilon": epsilon, "initial_accumulator": begin, "lr_decay": fall})


def adadelta(draw):
    rate, rho, epsilon = log_uniform(draw, 0.1, 2), draw.uniform(0.5, 0.99), log_uniform(draw, 1e-8, 1e-3)
    return {"lr": rate, "rho": rho, "eps": epsilon}, {"learning_rate": rate, "rho": rho, "epsilon": epsilon}


def rmsprop(draw):
    rate, rho, epsilon = log_uniform(draw, 1e-4, 0.1), draw.uniform(0.5, 0.999), log_uniform(draw, 1e-10, 1e-2)
    centered, momentum = draw.choice([False, True]), draw.choice([0, 0.8])
    return ({"lr": rate, "alpha": rho, "eps": epsilon, "centered": centered, "momentum": momentum},
            {"learning_rate": rate, "rho": rho, "epsilon": epsilon, "centered": centered, "momentum": momentum})


def nadam(draw):
    beta1, beta2 = betas(draw)
    rate, schedule = log_uniform(draw, 1e-4, 0.1), log_uniform(draw, 1e-3, 1)
    # foreach: the plain loop of PyTorch 1.13 multiplies the product of momenta by the last one twice.
    return ({"lr": rate, "betas": (beta1, beta2), "momentum_decay": schedule, "foreach": True},
            {"learning_rate": rate, "beta1": beta1, "beta2": beta2, "momentum_decay": schedule})


def rprop(draw):
    rate, minus, plus = log_uniform(draw, 1e-4, 0.1), draw.uniform(0.2, 0.8), draw.uniform(1.05, 1.5)
    return ({"lr": rate, "etas": (minus, plus), "step_sizes": (1e-5, 0.5)},
            {"learning_rate": rate, "eta_minus": minus, "eta_plus": plus, "step_minimum": 1e-5, "step_maximum": 0.5})


def asgd(draw):
    rate, decay, power, after = log_uniform(draw, 1e-3, 0.1), draw.choice([1e-4, 0.05]), draw.uniform(0.5, 1), 20
    return ({"lr": rate, "lambd": decay, "alpha": power, "t0": after},
            {"learning_rate": rate, "lambda": decay, "power": power, "average_after": after})


RULES = [
    (torch.optim.SGD, "sgd", sgd), sgd_like("momentum", False), sgd_like("nesterov", True),
    (torch.optim.Adagrad, "adagrad", adagrad), (torch.optim.Adadelta, "adadelta", adadelta),
    (torch.optim.RMSprop, "rmsprop", rmsprop), adam_like(torch.optim.Adam, "adam"),
    adam_like(torch.optim.AdamW, "adamw"), adam_like(torch.optim.Adam, "amsgrad", amsgrad=True),
    adam_like(torch.optim.Adamax, "adamax"), (torch.optim.NAdam, "nadam", nadam),
    adam_like(torch.optim.RAdam, "radam"), (torch.optim.Rprop, "rprop", rprop), (torch.optim.ASGD, "asgd", asgd),
]


class Torch(unittest.TestCase):
    def test_every_common_rule_agrees(self):
        for torch_class, rule, options in RULES:
            for trial in range(10):
                draw = random.Random(f"{rule} {trial}")
                theirs, ours = options(draw)
                generator = np.random.default_rng(trial)
                w = generator.normal(size=(5, 7))
                tensor = torch.nn.Parameter(torch.tensor(w.copy(), dtype=torch.float64))
                peer = torch_class([tensor], **theirs)
                optimizer = ngd.Optimizer(rule, **ours)
                optimizer.add("w", w.shape, "float64")
                for step in range(100):
                    g = generator.normal(size=w.shape)
                    tensor.grad = torch.tensor(g)
                    peer.step()
                    optimizer.step([w], [g])
                worst = np.max(np.abs(w - tensor.detach().numpy()) / (1 + np.abs(w)))
                self.assertLess(worst, 1e-12, f"{rule} {ours}")


    def test_lbfgs_without_search_agrees(self):
        """PyTorch's with one iteration a step, on logistic regressions; without its tolerances, which stop early."""
        for trial in range(20):
            draw, generator = random.Random(f"lbfgs {trial}"), np.random.default_rng(trial)
            rate, history = draw.uniform(0.3, 1), draw.randint(1, 10)
            x, y = torch.tensor(generator.normal(size=(60, 12))), torch.tensor(generator.integers(0, 2, 60).astype(float))
            w = generator.normal(size=12)
            tensor = torch.nn.Parameter(torch.tensor(w.copy()))
            peer = torch.optim.LBFGS([tensor], lr=rate, max_iter=1, history_size=history, tolerance_grad=0,
                                     tolerance_change=-1)
            optimizer = ngd.Optimizer("lbfgs", line_search="none", learning_rate=rate, history=history)

            def loss(at):
                return torch.nn.functional.binary_cross_entropy_with_logits(x @ at, y) + 0.05 * (at * at).sum()

            def closure():
                tensor.grad = None
                loss(tensor).backward()
                return loss(tensor)

            # Near the minimum PyTorch takes no more pairs, because s'y is below 1e-10.
            steps, slope = 0, 1
            while slope > 1e-4:
                peer.step(closure)
                at = torch.tensor(w, requires_grad=True)
                loss(at).backward()
                optimizer.step([w], [at.grad.numpy()])
                steps, slope = steps + 1, at.grad.abs().max()
                self.assertLess(np.max(np.abs(w - tensor.detach().numpy())), 1e-12, f"rate {rate} step {steps}")
            self.assertGreater(steps, 5)


if __name__ == "__main__":
    unittest.main()
