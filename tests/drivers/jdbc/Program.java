import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.IntStream;

/** Runs the checks that the command line names: 50 clients, each a thread, and a line for each check. */
public class Program {
    interface Action {
        void run() throws Exception;
    }

    interface ClientAction {
        void run(Client client) throws Exception;
    }

    static final Map<String, List<String>> reasons = new ConcurrentHashMap<>();

    static boolean attempt(String check, Client client, Action action) {
        try {
            action.run();
            return true;
        } catch (Exception | AssertionError error) {
            String text = ("client " + client.number + ": " + error).replace('\n', ' ');
            reasons.computeIfAbsent(check, name -> new ArrayList<>());
            synchronized (reasons) {
                reasons.get(check).add(text);
            }
            return false;
        }
    }

    static void everybody(List<Client> clients, ClientAction action) throws Exception {
        List<Thread> threads = new ArrayList<>();
        for (Client client : clients) {
            Thread thread = new Thread(() -> attempt("threads", client, () -> action.run(client)));
            thread.start();
            threads.add(thread);
        }
        for (Thread thread : threads) thread.join();
    }

    static void inOrder(Client client, List<String> checks) {
        Map<String, Action> known = new LinkedHashMap<>();
        known.put("settings", client::settings);
        known.put("transactions", client::transactions);
        known.put("prepared", client::prepared);
        known.put("pipeline", client::pipeline);
        known.put("errors", client::errors);
        known.put("cancel", client::cancel);
        known.put("copy", client::copy);
        known.put("own_rows", client::ownRows);
        known.put("temporary_table", client::temporaryTable);
        known.put("hold_cursor", client::holdCursor);
        known.put("listen", client::listen);
        for (String check : checks) {
            if (!attempt(check, client, known.get(check))) attempt(check, client, client::reset);
        }
    }

    /** One more client keeps the only server connection; the others are refused in time, and served later. */
    static void waiters(List<Client> clients) throws Exception {
        Client holder = new Client(0);
        attempt("waiters", holder, () -> {
            holder.connect();
            holder.run("create temporary table kept (n int)");
        });
        everybody(clients, client -> attempt("waiters", client, client::refused));
        attempt("waiters", holder, () -> holder.run("drop table kept"));
        everybody(clients, client -> attempt("waiters", client, () -> client.insert(1)));
        holder.close();
    }

    static void print(List<String> checks) {
        for (String check : checks) {
            List<String> all = reasons.get(check);
            System.out.println(all == null ? "ok " + check
                    : "not ok " + check + ": " + all.size() + " clients; " + all.get(0));
        }
    }

    public static void main(String[] arguments) throws Exception {
        int count = Integer.parseInt(System.getenv().getOrDefault("CLIENTS", "50"));
        List<String> checks = List.of(arguments);
        List<Client> clients = IntStream.rangeClosed(1, count).mapToObj(Client::new).toList();
        everybody(clients, client -> attempt("connect", client, client::connect));
        print(List.of("connect"));
        if (reasons.containsKey("connect")) return;
        if (checks.equals(List.of("waiters"))) {
            waiters(clients);
        } else {
            everybody(clients, client -> inOrder(client, checks));
        }
        print(checks);
        for (Client client : clients) client.close();
    }
}
