// Asks every worker for something and resumes on the asking worker when all have answered. No
// thread waits: the question is posted, the answers are posted back.
#pragma once

#include "proxy/asio.hpp"
#include "proxy/server.hpp"
#include "proxy/worker.hpp"

#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace pgweir {

/// Answers under way. Touched on the asking worker's thread only; kept by whoever still has to
/// answer.
template <class Answer> struct open_question {
    open_question(io_executor executor, std::size_t workers)
        : woken{std::move(executor)}, answers(workers), missing{workers} {}

    wake_signal woken;
    std::vector<Answer> answers;
    std::size_t missing;
};

template <class Answer>
void post_question(const std::shared_ptr<open_question<Answer>>& open,
                   const std::shared_ptr<const std::function<Answer(worker&)>>& question,
                   worker& asking,
                   worker& asked,
                   std::size_t index) {
    asked.post([open, question, &asking, &asked, index] {
        asking.post([open, index, answer = (*question)(asked)]() mutable {
            open->answers[index] = std::move(answer);
            if (--open->missing == 0) open->woken.wake();
        });
    });
}

/// One answer for each worker, in their order. `question` runs on each worker's thread, perhaps at
/// the same time. `asking`: the worker whose thread this runs on.
template <class Answer>
task<std::vector<Answer>>
ask_workers(server& of, worker& asking, std::function<Answer(worker&)> question) {
    auto& workers = of.workers();
    auto open = std::make_shared<open_question<Answer>>(asking.executor(), workers.size());
    const auto shared = std::make_shared<const std::function<Answer(worker&)>>(std::move(question));
    for (std::size_t i = 0; i < workers.size(); ++i)
        post_question(open, shared, asking, *workers[i], i);
    co_await open->woken.wait();
    co_return std::move(open->answers);
}

} // namespace pgweir
