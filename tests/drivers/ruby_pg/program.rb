# Ruby's pg: a thread for each client; prepared statements, pipeline mode, cancel, COPY.
require 'pg'

INSERT = 'insert into driver_rows (client, n, body) values ($1, $2, $3)'
READ = 'select body from driver_rows where client = $1 and n = $2'
NUMBERS = 'select n from driver_rows where client = $1 and n between $2 and $3 order by n'
OWN_ROWS = "select count(*), count(*) filter (where body <> client || ':' || n) from driver_rows where client = $1"

def same(got, wanted, what)
  raise "#{what}: #{got.inspect} instead of #{wanted.inspect}" unless got == wanted
end

def fails(sqlstate)
  yield
rescue PG::Error => error
  state = error.result&.error_field(PG::PG_DIAG_SQLSTATE)
  raise "not #{sqlstate}: #{error.message}" unless state == sqlstate
else
  raise "no error #{sqlstate}"
end

class Client
  attr_reader :number, :connection

  def initialize(number)
    @number = number
    @rows = 0
  end

  def connect
    @connection = PG.connect
    @connection.type_map_for_results = PG::BasicTypeMapForResults.new(@connection)
    same(value('select $1::int', @number), @number, 'own number')
  end

  def reset
    @connection.exec('rollback')
  end

  def body(n) = "#{@number}:#{n}"

  def run(sql, *values)
    values.empty? ? @connection.exec(sql) : @connection.exec_params(sql, values)
  end

  def value(sql, *values) = run(sql, *values).getvalue(0, 0)

  def insert(n) = run(INSERT, @number, n, body(n))

  def numbers(low, high) = run(NUMBERS, @number, low, high).column_values(0)

  def settings
    5.times do |step|
      wanted = "#{10_001 + 20 * @number + 2 * step}kB"
      run("set work_mem = '#{wanted}'")
      run('begin')
      run("set local work_mem = '99kB'")
      same(value('show work_mem'), '99kB', 'work_mem in a block')
      run('rollback')
      same(value('show work_mem'), wanted, 'work_mem')
    end
  end

  def transactions
    @connection.transaction { insert(1) }
    begin
      @connection.transaction { insert(2) and raise IndexError, 'undo' }
    rescue IndexError
      # As wanted.
    end
    @connection.transaction do
      insert(3)
      run('savepoint again')
      fails('23505') { insert(3) }
      run('rollback to again')
      insert(4)
    end
    @rows += 3
    same(numbers(1, 9), [1, 3, 4], 'rows that were committed')
  end

  def prepared
    @connection.prepare('insert', INSERT)
    @connection.prepare('read', READ)
    # Every client has a text of its own under the same name.
    @connection.prepare('add', "select $1::int + #{@number}")
    (100...120).each do |n|
      @connection.exec_prepared('insert', [@number, n, body(n)])
      @rows += 1
    end
    (100...120).each do |n|
      same(@connection.exec_prepared('read', [@number, n]).getvalue(0, 0), body(n), 'prepared read')
      same(@connection.exec_prepared('add', [n]).getvalue(0, 0), n + @number, 'prepared sum')
    end
    bytes = (0..255).to_a.pack('C*')
    found = run('select $1::bytea, null::int', { value: bytes, format: 1 })
    same(found.values, [[bytes, nil]], 'bytes and null')
  end

  def pipeline
    @connection.enter_pipeline_mode
    (200...210).each do |n|
      @connection.send_query_params(INSERT, [@number, n, body(n)])
      @connection.send_query_params(READ, [@number, n])
      @connection.pipeline_sync
    end
    (200...210).each do |n|
      next_in_pipeline.check
      same(next_in_pipeline.getvalue(0, 0), body(n), 'read in a pipeline')
      same(next_in_pipeline.result_status, PG::PGRES_PIPELINE_SYNC, 'sync')
      @rows += 1
    end
    [210, 200, 211].each { |n| @connection.send_query_params(INSERT, [@number, n, body(n)]) }
    @connection.pipeline_sync
    next_in_pipeline.check
    fails('23505') { next_in_pipeline.check }
    same(next_in_pipeline.result_status, PG::PGRES_PIPELINE_ABORTED, 'after the failed one')
    same(next_in_pipeline.result_status, PG::PGRES_PIPELINE_SYNC, 'sync')
    @connection.exit_pipeline_mode
    same(numbers(200, 299), (200...210).to_a, 'rows after a pipeline that failed')
  end

  # Its result; the empty one after it is taken too.
  def next_in_pipeline
    result = @connection.get_result
    @connection.get_result unless result.result_status == PG::PGRES_PIPELINE_SYNC
    result
  end

  def errors
    insert(300)
    @rows += 1
    fails('23505') { insert(300) }
    fails('42601') { run('selec 1') }
    fails('42601') { run('selec $1::int', 1) }
    run('begin')
    fails('22012') { run('select 1 / $1::int', 0) }
    fails('25P02') { run('select 1') }
    run('rollback')
    same(value('select $1::int', @number), @number, 'value after errors')
  end

  def cancel
    run('begin')
    insert(400)
    @connection.send_query('select pg_sleep(30)')
    @connection.cancel until @connection.block(0.1)
    fails('57014') { @connection.get_last_result }
    run('rollback')
    same(numbers(400, 400), [], 'rows of the cancelled block')
  end

  def copy
    lines = (1000...1500).map { |n| "#{@number}\t#{n}\t#{body(n)}\n" }
    @connection.copy_data('copy driver_rows (client, n, body) from stdin') do
      lines.each { |line| @connection.put_copy_data(line) }
    end
    @rows += lines.size
    received = []
    sql = "copy (select client, n, body from driver_rows where client = #{@number} and n >= 1000 order by n) to stdout"
    @connection.copy_data(sql) do
      while (line = @connection.get_copy_data)
        received << line
      end
    end
    same(received == lines, true, 'rows copied out are those copied in')
  end

  def own_rows
    same(run(OWN_ROWS, @number).values, [[@rows, 0]], 'own rows, wrong ones')
  end

  def temporary_table
    run('create temporary table mine (n int, body text)')
    3.times do |step|
      @connection.transaction { 10.times { |n| run('insert into mine values ($1, $2)', n, body(0)) } }
      same(value('select count(*) from mine where body = $1', body(0)), 10 * step + 10, 'temporary rows')
    end
    run('drop table mine')
  end

  def hold_cursor
    run("declare held cursor with hold for select generate_series(#{@number}, #{@number + 19})")
    (@number...@number + 20).step(5) do |n|
      same(run('fetch 5 from held').column_values(0), (n...n + 5).to_a, 'fetched')
      same(value('select $1::int', n), n, 'between two fetches')
    end
    run('close held')
  end

  def listen
    run("listen drivers_#{@number}")
    other = PG.connect
    other.exec_params('select pg_notify($1, $2)', ["drivers_#{@number}", body(0)])
    other.close
    payload = nil
    @connection.wait_for_notify(10) { |_channel, _pid, text| payload = text }
    same(payload, body(0), 'payload')
    run('unlisten *')
  end

  def refused
    began = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    fails('53300') { insert(1) }
    same(Process.clock_gettime(Process::CLOCK_MONOTONIC) - began < 20, true, 'refused in time')
  end
end

REASONS = Hash.new { |all, check| all[check] = [] }

def attempt(check, client)
  yield
  true
rescue StandardError => error
  REASONS[check] << "client #{client.number}: #{error.message.tr("\n", ' ')}"
  false
end

def everybody(clients, &action)
  clients.map { |client| Thread.new { action.call(client) } }.each(&:join)
end

def in_order(client, checks)
  checks.each do |check|
    attempt(check, client) { client.send(check) } or attempt(check, client) { client.reset }
  end
end

# One more client keeps the only server connection; the others are refused in time, and served later.
def waiters(clients)
  holder = Client.new(0)
  attempt('waiters', holder) do
    holder.connect
    holder.run('create temporary table kept (n int)')
  end
  everybody(clients) { |client| attempt('waiters', client) { client.refused } }
  attempt('waiters', holder) { holder.run('drop table kept') }
  everybody(clients) { |client| attempt('waiters', client) { client.insert(1) } }
end

clients = (1..Integer(ENV.fetch('CLIENTS', '50'))).map { |number| Client.new(number) }
everybody(clients) { |client| attempt('connect', client) { client.connect } }
checks = REASONS['connect'].empty? ? ARGV : []
if checks == ['waiters']
  waiters(clients)
else
  everybody(clients) { |client| in_order(client, checks) }
end
['connect', *checks].each do |check|
  reasons = REASONS[check]
  puts reasons.empty? ? "ok #{check}" : "not ok #{check}: #{reasons.size} clients; #{reasons.first}"
end
