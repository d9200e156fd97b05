// Run at configure time. Some compilers (g++ 12) destroy a temporary aggregate or closure twice
// when it is built in a full-expression that contains co_await. This program counts constructions
// against destructions of such temporaries and returns 1 where they differ.
#include <coroutine>
#include <exception>
#include <utility>

namespace {

int alive = 0;

struct counted {
    counted() { ++alive; }
    counted(const counted&) { ++alive; }
    counted(counted&&) noexcept { ++alive; }
    ~counted() { --alive; }
};

struct aggregate {
    counted member;
    int number;
};

struct task {
    struct promise_type;
    using handle_type = std::coroutine_handle<promise_type>;

    struct resume_waiter {
        bool await_ready() noexcept { return false; }
        std::coroutine_handle<> await_suspend(handle_type done) noexcept;
        void await_resume() noexcept {}
    };

    struct promise_type {
        std::coroutine_handle<> waiter;
        task get_return_object() { return task{handle_type::from_promise(*this)}; }
        std::suspend_always initial_suspend() noexcept { return {}; }
        resume_waiter final_suspend() noexcept { return {}; }
        void return_void() {}
        void unhandled_exception() { std::terminate(); }
    };

    explicit task(handle_type own) : handle(own) {}
    task(task&& other) noexcept : handle(std::exchange(other.handle, nullptr)) {}
    ~task() {
        if (handle) handle.destroy();
    }

    bool await_ready() const { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiter) {
        handle.promise().waiter = waiter;
        return handle;
    }
    void await_resume() {}

    handle_type handle;
};

std::coroutine_handle<> task::resume_waiter::await_suspend(handle_type done) noexcept {
    if (done.promise().waiter) return done.promise().waiter;
    return std::noop_coroutine();
}

task by_value(aggregate) {
    co_return;
}

task by_reference(const aggregate&) {
    co_return;
}

template <class Function> task by_closure(Function) {
    co_return;
}

task run() {
    co_await by_value(aggregate{counted{}, 1});
    co_await by_reference(aggregate{counted{}, 1});
    counted captured;
    co_await by_closure([captured] { static_cast<void>(captured); });
}

} // namespace

int main() {
    {
        task whole = run();
        whole.handle.resume();
    }
    return alive == 0 ? 0 : 1;
}
