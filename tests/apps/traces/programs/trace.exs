# Ends, or goes on, with the stack trace named by its argument.
defmodule Shop do
  use GenServer
  def init(state), do: {:ok, state}
  def handle_call(:fail, _from, _state), do: deep(2)
  def handle_cast(:fail, _state), do: deep(2)
  def deep(0), do: raise(ArgumentError, "at the bottom")
  def deep(depth), do: 1 + deep(depth - 1)
end

case System.argv() do
  ["uncaught"] -> Shop.deep(2)
  ["message"] -> raise "first line\nsecond line"
  ["undefined"] -> Shop.missing(1, :two)
  ["match"] -> {:ok, _} = Enum.at([{:error, :enoent}], 0)
  ["clause"] -> String.to_integer(List.first([nil]))
  ["exit"] -> exit(:gone)
  ["throw"] -> throw(:ball)
  ["task"] -> Task.start(fn -> Shop.deep(1) end); Process.sleep(200)
  ["spawn"] -> spawn(fn -> Shop.deep(1) end); Process.sleep(200)
  ["server"] ->
    {:ok, server} = GenServer.start(Shop, %{stock: 1})
    GenServer.cast(server, :fail)
    Process.sleep(200)
  ["call"] ->
    {:ok, server} = GenServer.start(Shop, %{stock: 1})
    GenServer.call(server, :fail)
  ["logged"] ->
    require Logger
    try do
      Shop.deep(1)
    rescue
      error -> Logger.error(Exception.format(:error, error, __STACKTRACE__))
    end
    Process.sleep(100)
end
