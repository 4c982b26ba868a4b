# reviews: what customers say, kept in redis; partners' reviews come from a feed.
#
# Weakness: the feed's address goes to open as it is, and a "|" in front makes it a command.
require "open-uri"
require_relative "service"

KEPT = 50

def add(product, stars, words)
  raise ArgumentError, "one to five stars" unless (1..5).cover?(stars)

  redis("LPUSH", "reviews:#{product}", "#{'★' * stars} #{words[0, 200]}")
  redis("LTRIM", "reviews:#{product}", 0, KEPT - 1)
end

serve(
  ["GET", %r{^/reviews/(\d+)$}] => lambda { |match, _|
    [200, { reviews: redis("LRANGE", "reviews:#{match[1]}", 0, 4) }]
  },
  ["POST", %r{^/reviews/(\d+)$}] => lambda { |match, request|
    review = JSON.parse(request.body.to_s)
    add(match[1], review["stars"].to_i, review["words"].to_s)
    [201, { product: match[1] }]
  },
  ["POST", %r{^/reviews/import$}] => lambda { |_, request|
    lines = URI.open(JSON.parse(request.body.to_s)["feed"].to_s).each_line.map(&:chomp)
    lines.each do |line|
      product, stars, words = line.split(",", 3)
      add(product.to_i, stars.to_i, words.to_s) if words
    end
    [201, { imported: lines.count { |line| line.count(",") > 1 } }]
  }
)
