# Ends, or goes on, with the stack trace named by its argument.
require 'logger'

class Refused < StandardError; end

class Shop
  def deep(depth) = depth.zero? ? raise(ArgumentError, 'at the bottom') : deep(depth - 1)

  def wrapped
    deep(2)
  rescue ArgumentError
    raise Refused, 'could not'
  end

  def blocks
    [1].each { |n| deep(n) }
  end
end

shop = Shop.new
case ARGV[0]
when 'uncaught' then shop.deep(3)
when 'toplevel' then raise 'at once'
when 'cause' then shop.wrapped
when 'blocks' then shop.blocks
when 'message' then raise Refused, "first line\nsecond line\n  third line"
when 'nameerror' then shop.deeep(1)
when 'overflow'
  def again = again()
  again
when 'thread'
  Thread.new { shop.deep(1) }.join
when 'full'
  begin
    shop.wrapped
  rescue Refused => e
    warn e.full_message(highlight: false)
    warn e.full_message(highlight: false, order: :bottom)
  end
when 'logged'
  begin
    shop.wrapped
  rescue Refused => e
    Logger.new($stderr).error(e)
  end
end
